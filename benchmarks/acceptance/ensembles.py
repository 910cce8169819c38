"""Weights over several models, with labels at once and late (B14).

Experts that a small team could run: a frozen boosting, boostings over the last 2,000 and 10,000
labelled rows, a linear model that learns on, and the last label known. The bank must be as good as
the best of them chosen in hindsight, though it is not told which that is.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from acceptance.check import Check, Effort, at_least, told
from acceptance.data import FOLDER, STREAMS
from acceptance.traces import watch
from ostinato.stats.weights import WeightBank

WARM, EVERY = 1_000, 1_000  # rows before the first model; rows between refits
EXPERTS = ("frozen", "last 2,000", "last 10,000", "linear, learns on", "last label")


def experts(matrix: np.ndarray, truth: np.ndarray, late: int) -> np.ndarray:
    """Probability of class 1 by each expert, from labels at least `late` rows old, (n, e)."""
    rows = len(truth)
    said = np.full((rows, len(EXPERTS)), truth[:WARM].mean())
    scaled = np.nan_to_num(StandardScaler().fit(matrix[:WARM]).transform(matrix))
    linear = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=0)
    linear.partial_fit(scaled[:WARM], truth[:WARM], classes=[0.0, 1.0])
    frozen = _boosting(matrix[:WARM], truth[:WARM])
    windows, learned = {1: frozen, 2: frozen}, WARM
    for start in range(WARM, rows, 100):
        stop, known = min(start + 100, rows), start - late
        if known > WARM and (start - WARM) % EVERY == 0:
            for place, width in ((1, 2_000), (2, 10_000)):
                part = slice(max(known - width, 0), known)
                if 0.0 < truth[part].mean() < 1.0:
                    windows[place] = _boosting(matrix[part], truth[part])
        if known > learned:
            linear.partial_fit(scaled[learned:known], truth[learned:known])
            learned = known
        now = slice(start, stop)
        said[now, 0] = frozen.predict_proba(matrix[now])[:, 1]
        for place, model in windows.items():
            said[now, place] = model.predict_proba(matrix[now])[:, 1]
        said[now, 3] = linear.predict_proba(scaled[now])[:, 1]
    newest = np.arange(rows) - 1 - late
    said[:, 4] = np.where(newest >= 0, 0.1 + 0.8 * truth[np.maximum(newest, 0)], 0.5)
    return np.clip(said, 0.01, 0.99)


def _boosting(matrix: np.ndarray, truth: np.ndarray) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(max_iter=40, min_samples_leaf=20, early_stopping=False)
    return model.fit(matrix, truth)


def banked(said: np.ndarray, truth: np.ndarray, late: int) -> np.ndarray:
    """Probabilities of the bank: row i is served before any label younger than `late` rows."""
    bank = WeightBank.begin(said.shape[1], remember=late + 2)
    out, made = np.empty(len(truth)), np.zeros(len(truth), dtype=np.int64)
    for row in range(len(truth)):
        out[row] = said[row] @ bank.weights
        made[row] = bank.version
        known = row - late
        if known >= 0:
            part = slice(known, known + 1)
            bank.observe(said[part], truth[part], made[part])
            bank.publish()
    return out


def hedged(said: np.ndarray, truth: np.ndarray, late: int) -> np.ndarray:
    """Weights by the number of mistakes alone, never forgotten: exponential weights, 0/1 loss."""
    wrong = np.cumsum((said >= 0.5) != (truth[:, None] > 0.5), axis=0)
    seen = np.zeros_like(wrong)
    seen[late + 1 :] = wrong[: len(wrong) - late - 1]
    rate = np.sqrt(8.0 * np.log(said.shape[1]) / len(truth))
    logs = -rate * seen
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return (said * weights).sum(axis=1) / weights.sum(axis=1)


def b14(effort: Effort) -> list[Check]:
    checks = []
    for name, matrix, truth in _streams(effort):
        for late in effort((0, 500), (0, 50)):
            said = experts(matrix, truth, late)
            scored = slice(WARM, None)
            right = (said[scored] >= 0.5) == (truth[scored, None] > 0.5)
            each = 100.0 * right.mean(axis=0)
            made = banked(said, truth, late)
            found = {
                rule: 100.0 * float(((each_of[scored] >= 0.5) == (truth[scored] > 0.5)).mean())
                for rule, each_of in (
                    ("bank", made),
                    ("uniform", said.mean(axis=1)),
                    ("hedge on mistakes", hedged(said, truth, late)),
                )
            }
            best = float(each.max())
            at = f"{name}, labels {late} rows late"
            # The bank learns the Brier score; accuracy follows it, with late labels less closely.
            squares = (said[scored] - truth[scored, None]) ** 2
            brier = float(np.square(made[scored] - truth[scored]).mean())
            lead = float(squares.mean(axis=0).min()) - brier
            checks.append(at_least(f"{at}: Brier score, best expert - bank", lead, -0.001))
            slack = 0.1 if late == 0 else 1.0
            what = f"{at}: accuracy, bank - best expert, points"
            checks.append(at_least(what, found["bank"] - best, -slack))
            checks.append(told(f"  best expert ({EXPERTS[int(each.argmax())]}), %", best))
            checks += [told(f"  {rule}, %", value) for rule, value in found.items()]
    return checks


def _streams(effort: Effort):
    """Real streams where they are; a made one in the quick run."""
    if effort.quick:
        yield ("made", *_made(4_000))
        return
    yield ("made", *_made(12_000))
    for name in ("elec2", "noaa_weather"):
        if (FOLDER / f"{name}.parquet").exists():
            watched = watch(STREAMS[name])
            yield name, watched.matrix, (watched.truth == watched.truth.max()).astype(float)


def _made(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A concept that turns twice, with labels that cling to their forerunners."""
    rng = np.random.default_rng(14)
    matrix = rng.normal(size=(rows, 4))
    turn = np.where((np.arange(rows) * 3 // rows) % 2 == 0, 1.5, -1.5)
    cling = np.repeat(rng.normal(0.0, 1.2, rows // 20 + 1), 20)[:rows]
    odds = turn * matrix[:, 0] + matrix[:, 1] + cling
    return matrix, (rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(np.float64)
