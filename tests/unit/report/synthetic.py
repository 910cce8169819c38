"""A made-up comparison document: a year of hourly ticks, a world that shifts, several policies.

It follows the document contract field by field, so that the report can be looked at and tested
without running a replay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

START = datetime(2013, 2, 6, tzinfo=UTC)
METRIC = "log_loss"


@dataclass
class Release:
    """One model of a synthetic policy."""

    name: str
    trained: int
    status: str
    serving_from: int | None = None
    serving_to: int | None = None


@dataclass
class Story:
    """What happened under one policy, in ticks."""

    policy: str
    releases: list[Release] = field(default_factory=list)
    decisions: list[tuple[int, str, str, str, dict[str, Any]]] = field(default_factory=list)
    share: dict[int, float] = field(default_factory=dict)


def comparison_document(
    policies: tuple[str, ...] = ("static", "scheduled", "triggered", "online", "ensemble"),
    ticks: int = 8760,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what `Comparison.to_json` would write."""
    replays = {
        name: replay_document(name, habit=index, ticks=ticks, seed=seed)
        for index, name in enumerate(policies)
    }
    table = [_row(replay, next(iter(replays.values()))) for replay in replays.values()]
    best = max(row["value"] - row["cost"] for row in table)
    for row in table:
        row["regret"] = best - (row["value"] - row["cost"])
    winner = min(table, key=lambda row: row["regret"])["policy"]
    return {
        "format": "ostinato.comparison/1",
        "loop": "flight-delays",
        "task": "binary",
        "metric": METRIC,
        "lower_is_better": True,
        "seed": seed,
        "replays": replays,
        "table": table,
        "advice": {
            "worth_it": True,
            "policy": winner,
            "value_per_month": 412.4,
            "low": 281.0,
            "high": 540.9,
            "text": (
                f"Worth it: {winner} earns about 412 units a month more than never retraining "
                "(95% interval 281 to 541)."
            ),
            "currency": "units",
            "prices": {"metric_unit": 1.0, "train_hour": 2.0, "label": 0.0, "currency": "units"},
        },
    }


def replay_document(
    policy: str = "triggered", habit: int = 2, ticks: int = 8760, seed: int = 0
) -> dict[str, Any]:
    """Return what `Replay.to_json` would write. `habit` picks when the policy learns."""
    rng = np.random.default_rng(seed)
    world = _world(ticks)
    n = rng.poisson(18 + 14 * np.sin(np.arange(ticks) % 24 / 24 * np.pi) ** 2)
    noise = rng.normal(0, 1, ticks)
    story = _story(policy, habit % 5, ticks, world)
    known = np.zeros(ticks)
    champion = np.empty(ticks, dtype=object)
    for release in story.releases:
        if release.serving_from is not None:
            known[release.serving_from :] = world[max(0, release.trained - 72)]
            champion[release.serving_from :] = release.name
    loss = (
        0.41
        + 0.09 * (world - known) ** 2
        + 0.012 * np.sin(np.arange(ticks) / 24)
        + 0.16 * noise / np.sqrt(n + 1)
    )
    return _document(policy, story, n, loss, champion, habit % 5, seed)


def with_watching(replay: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """Return a replay's document with what the page gets of watching; alarms in its journal."""
    ticks = len(replay["timeline"]["time"])
    alarms = [
        _alarm("drift/temp", "drift", "warning", ticks // 4, ticks // 2, 0.14, 0.02),
        _alarm("quality/temp:missing", "quality", "critical", ticks // 3, None, 0.31, 0.01),
        _alarm(
            "performance/log_loss @origin=JFK", "performance", "warning", ticks // 2, None, 0.5, 0.4
        ),
        _alarm("drift/wind", "drift", "info", ticks // 2, ticks * 3 // 4, 0.1, 0.02),
        _alarm("drift/temp", "drift", "warning", ticks * 4 // 5, None, 0.12, 0.02),
    ]
    lines = {
        name: _line(
            name, ticks, seed + place, next((a for a in alarms if a["stream"] == name), None)
        )
        for place, name in enumerate(STREAMS)
    }
    return {
        **replay,
        "decisions": _with_alarms(replay["decisions"], alarms),
        "alarms": alarms,
        "monitors": {
            "streams": [
                {"stream": name, "family": STREAMS.get(name, "drift"), "windows": ticks // 24}
                for name in (*STREAMS, *(f"drift/x{i}" for i in range(208)))
            ],
            "lines": lines,
        },
        "watch": {
            "budget": {
                "declared": 1.0,
                "days": 30.0,
                "expected": ticks / 24 / 30,
                "raised": 3,
                "since": _time(0),
            },
            "streams": 214,
            "monitors": [
                {
                    "monitor": name,
                    "family": family,
                    "share": 0.125,
                    "streams": 30,
                    "measured_to": _time(ticks),
                    "unmeasured": unmeasured,
                    "unmeasured_total": len(unmeasured),
                }
                for name, family, unmeasured in MONITORS
            ],
        },
        "estimates": [
            {
                "time": _time(t),
                "version": version,
                "covered": None if t >= ticks - 72 else t % 480 > 0,
                "estimate": 0.41 + 0.01 * float(np.sin(t / 400)),
                "low": 0.4 + 0.01 * float(np.sin(t / 400)),
                "high": 0.42 + 0.01 * float(np.sin(t / 400)),
                "realised": 0.412 + 0.011 * float(np.sin(t / 380)) if t < ticks - 72 else None,
            }
            for t in range(24, ticks, 24)
            for version in ("v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8")
        ],
        "verdicts": {
            "feedback": {
                "verdict": "clear",
                "text": "8% of the labelled rows were explored; labels agree with the others.",
                "action": "Keep exploring.",
            },
            "business revenue": {
                "verdict": "diverges",
                "text": "The metric improves and revenue does not.",
                "action": "Look at what the metric leaves out.",
            },
        },
        "feedback": [
            {"time": _time(ticks), "figure": "explored", "value": 0.08},
            {"time": _time(ticks), "figure": "naive_loss", "value": 0.41},
            {"time": _time(ticks), "figure": "film:exposures gini", "value": 0.7},
        ],
        "fairness": [
            _gap("demographic parity difference", None, 0.13, low=0.08, high=0.18, ratio=0.7),
            _gap("selection rate", "sex=f", 0.31),
            _gap("selection rate", "sex=m", 0.44),
            {**_gap("demographic parity difference", None, 0.2), "version": "v9"},
        ],
    }


def _gap(measure: str, group: str | None, value: float, **numbers: float) -> dict[str, Any]:
    return {
        "time": _time(0),
        "column": "sex",
        "measure": measure,
        "group": group,
        "version": None,
        "value": value,
        "low": numbers.get("low"),
        "high": numbers.get("high"),
        "ratio": numbers.get("ratio"),
    }


STREAMS = {
    "drift/temp": "drift",
    "drift/wind": "drift",
    "quality/temp:missing": "quality",
    "performance/log_loss @origin=JFK": "performance",
    "fairness/sex:demographic_parity": "fairness",
    "output/score": "output",
}
MONITORS = [
    ("inputs", "drift", {}),
    ("completeness", "quality", {"gust": "no value in the reference"}),
    ("losses", "performance", {"carrier=HA": "9 rows of 100", "carrier=OO": "9 rows of 100"}),
    ("fairness", "fairness", {"sex=x": "12 rows of 100"}),
]


def _alarm(
    stream: str,
    family: str,
    severity: str,
    raised: int,
    resolved: int | None,
    value: float,
    reference: float,
) -> dict[str, Any]:
    return {
        "stream": stream,
        "family": family,
        "severity": severity,
        "raised": _time(raised),
        "resolved": None if resolved is None else _time(resolved),
        "since": _time(raised - 72),
        "value": value,
        "reference": reference,
        "low": 0.6 * (value - reference),
        "high": 1.4 * (value - reference),
        "floor": 0.05,
    }


def _line(name: str, ticks: int, seed: int, alarm: dict[str, Any] | None) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    days = range(0, ticks, 24)
    level = 0.4 if alarm is None else alarm["reference"]
    moved = 0.0 if alarm is None else alarm["value"] - alarm["reference"]
    value = [
        level + 0.01 * rng.normal() + (moved if alarm and _time(t) >= alarm["since"] else 0.0)
        for t in days
    ]
    return {
        "time": [_time(t) for t in days],
        "value": value,
        "reference": [level] * len(value),
        "low": [v - level - 0.02 for v in value],
        "high": [v - level + 0.02 for v in value],
        "floor": [0.03] * len(value),
    }


def _with_alarms(
    decisions: list[dict[str, Any]], alarms: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return a journal with entries for the alarms, and a diagnosis after two of them."""
    found = list(decisions)
    for alarm in alarms:
        entry = {"policy_digest": _hash("p"), "subject": alarm["stream"]}
        evidence = {name: alarm[name] for name in ("value", "reference", "low", "high", "family")}
        raised = {
            **entry,
            "time": alarm["raised"],
            "kind": "alarm_raised",
            "reason": f"{alarm['stream']} was {alarm['value']}, beside {alarm['reference']}.",
            "evidence": evidence,
        }
        found.append(raised)
        if alarm["resolved"] is not None:
            over = {"kind": "alarm_resolved", "time": alarm["resolved"], "reason": "It is back."}
            found.append({**raised, **over})
        if alarm["severity"] != "info":
            found.append({**entry, "time": alarm["raised"], **_diagnosis(alarm)})
    found.sort(key=lambda each: each["time"])
    return [{**each, "seq": seq, "hash": _hash(str(seq))} for seq, each in enumerate(found)]


def _diagnosis(alarm: dict[str, Any]) -> dict[str, Any]:
    cause = {"quality": "data quality", "drift": "covariate shift"}.get(
        alarm["family"], "concept drift"
    )
    return {
        "kind": "diagnosis_made",
        "subject": "v3",
        "reason": "The loss rose: 0.41 in the reference, 0.47 now (+0.06, +0.04 to +0.08). "
        f"What raises it most: {cause}.",
        "evidence": {
            "cause": cause,
            "action": "degradation asks for a new model when its evidence suffices.",
            "loss": {
                "reference": 0.41,
                "current": 0.47,
                "change": {"change": 0.06, "low": 0.04, "high": 0.08},
            },
            "parts": {
                "covariate shift": {"change": 0.01, "low": -0.004, "high": 0.024},
                "concept drift": {"change": 0.045, "low": 0.03, "high": 0.06},
                "unseen inputs": {"change": 0.005, "low": -0.001, "high": 0.011},
            },
            "broken": [{"column": "temp", "what": ["missing"], "change": 0.01}],
            "columns": [
                {
                    "column": "temp",
                    "moved": 0.3,
                    "loss": {"change": 0.03, "low": 0.01, "high": 0.05},
                    "matters": True,
                    "verdict": "moved and costs",
                },
                {"column": "wind", "moved": 0.2, "loss": None, "verdict": "moved; unclear"},
            ],
            "slices": {
                "origin = JFK and hour = 17": {
                    "rows": 210,
                    "loss": {"change": 0.61, "low": 0.5, "high": 0.7},
                    "rise": {"change": 0.2, "low": 0.1, "high": 0.3},
                    "verdict": "fails anew",
                }
            },
            "domain": {"auc": 0.64, "low": 0.61, "high": 0.67, "stance": "watch", "columns": {}},
            "unmeasured": {"gust": "no value in the reference"},
        },
    }


def _world(ticks: int) -> np.ndarray:
    """How far the world has moved from where it began: a jump, a slow drift, a jump back."""
    t = np.arange(ticks) / ticks
    return 0.9 * (t > 0.3) + 1.4 * np.clip((t - 0.5) / 0.3, 0, 1) - 0.7 * (t > 0.88)


def _story(policy: str, habit: int, ticks: int, world: np.ndarray) -> Story:
    story = Story(policy)
    story.releases.append(Release("v1", 0, "champion", 0))
    _say(story, 0, "loop_started", policy, f"The loop began under policy {policy}.", {"seed": 0})
    _say(
        story, 0, "routes_changed", "v1", "v1 answers all requests.", {"routes": {"champion": "v1"}}
    )
    moments = {
        0: [],
        1: list(range(168, ticks, 168)),
        2: [int(ticks * f) for f in (0.31, 0.56, 0.63, 0.70, 0.76, 0.80, 0.89)],
        3: list(range(24, ticks, 72)),
        4: list(range(720, ticks, 720)),
    }[habit]
    for index, moment in enumerate(moments, start=2):
        _learn(story, f"v{index}", moment, ticks, world, triggered=habit == 2)
    return story


def _learn(
    story: Story, name: str, at: int, ticks: int, world: np.ndarray, *, triggered: bool
) -> None:
    """Train, judge and roll out one candidate."""
    champion = next(r for r in story.releases if r.status == "champion")
    gap = float((world[at] - world[max(0, champion.trained - 72)]) ** 2 * 0.09)
    if triggered:
        evidence = {
            "log10_e": 6.2,
            "threshold": 6.0,
            "expected_loss": 0.41,
            "limit_loss": 0.43,
            "arl": 1e6,
        }
        _say(
            story,
            at - 9,
            "trigger_changed",
            "degradation",
            "The loss may be rising.",
            {"stance": "warn", **evidence},
        )
        _say(
            story,
            at,
            "trigger_changed",
            "degradation",
            "The loss is above its baseline.",
            {"stance": "act", **evidence},
        )
        _say(
            story,
            at,
            "learning_requested",
            "degradation",
            "The triggers asked for a new model.",
            {},
        )
    _say(
        story,
        at,
        "training_requested",
        name,
        f"Train {name} on the last 28 days.",
        {"rows": 19_000},
    )
    _say(
        story,
        at + 1,
        "candidate_trained",
        name,
        f"{name} is in the registry.",
        {"artifact": _hash(name)},
    )
    good = gap > 0.004 and name != "v5"
    interval = [-gap - 0.006, -gap + 0.006]
    verdict = "pass" if good else ("fail" if name.endswith("5") else "inconclusive")
    _say(
        story,
        at + 1,
        "gate_judged",
        name,
        f"recent holdout: {verdict}",
        {
            "gate": "recent_holdout",
            "verdict": verdict,
            "difference": -gap,
            "interval": interval,
            "smallest_visible_effect": 0.006,
            "rows": 4100,
        },
    )
    release = Release(name, at, "rejected" if not good else "champion")
    story.releases.append(release)
    if not good or at + 60 >= ticks:
        release.status = "rejected"
        _say(
            story,
            at + 1,
            "candidate_rejected",
            name,
            f"{name} did not prove better; {champion.name} stays.",
            {},
        )
        return
    _say(story, at + 1, "candidate_accepted", name, "All gates passed.", {})
    for step, share in enumerate((0.05, 0.25, 0.5)):
        _say(
            story,
            at + 2 + 12 * step,
            "rollout_advanced",
            name,
            f"{name} answers {share:.0%} of the units.",
            {"share": share},
        )
        for tick in range(at + 2 + 12 * step, min(ticks, at + 14 + 12 * step)):
            story.share[tick] = share
    if name == "v7":
        release.status = "aborted"
        _say(
            story,
            at + 38,
            "rollout_ended",
            name,
            f"{name} is worse on live traffic: aborted.",
            {"outcome": "aborted"},
        )
        _say(
            story,
            at + 38,
            "rolled_back",
            champion.name,
            f"{champion.name} serves again.",
            {"previous": name},
        )
        return
    for other in story.releases[:-1]:
        other.status = "retired" if other.status == "previous" else other.status
    champion.status, champion.serving_to, release.serving_from = "previous", at + 38, at + 38
    _say(
        story,
        at + 38,
        "promoted",
        name,
        f"{name} is champion now.",
        {"previous": champion.name, "paired_difference": interval},
    )
    _say(
        story,
        at + 38,
        "routes_changed",
        name,
        f"{name} answers all requests.",
        {"routes": {"champion": name, "canary": None}},
    )


def _say(
    story: Story, tick: int, kind: str, subject: str, reason: str, evidence: dict[str, Any]
) -> None:
    story.decisions.append((tick, kind, subject, reason, evidence))


def _document(
    policy: str,
    story: Story,
    n: np.ndarray,
    loss: np.ndarray,
    champion: np.ndarray,
    habit: int,
    seed: int,
) -> dict[str, Any]:
    ticks = len(n)
    labelled = np.round(n * np.where(np.arange(ticks) < ticks - 48, 0.97, 0.0)).astype(int)
    share = np.array([story.share.get(t, 0.0) for t in range(ticks)])
    watching = habit == 2
    climb = _climb(loss - 0.432)
    mean = float((loss * labelled).sum() / labelled.sum())
    promotions = sum(1 for d in story.decisions if d[1] == "promoted")
    trained = len(story.releases) - 1
    return {
        "format": "ostinato.replay/1",
        "loop": "flight-delays",
        "task": "binary",
        "metric": METRIC,
        "lower_is_better": True,
        "policy": {
            "name": policy,
            "digest": _hash(policy),
            "text": (
                f"policy {policy}\n  triggers: degradation (e, tolerance 5%)\n  window: 28 days\n"
                "  gates: recent holdout, slices\n  rollout: 5%, 25%, 50%, 100%"
            ),
        },
        "seed": seed,
        "start": _time(0),
        "end": _time(ticks),
        "tick": "1h",
        "journal_hash": _hash(f"journal/{policy}"),
        "metrics": {
            METRIC: mean,
            "brier": mean / 3,
            "roc_auc": 0.81 - mean / 10,
            "n": int(n.sum()),
            "label_coverage": float(labelled.sum() / n.sum()),
        },
        "timeline": {
            "time": [_time(t) for t in range(ticks)],
            "n": n.tolist(),
            "labelled": labelled.tolist(),
            METRIC: [float(x) if k else None for x, k in zip(loss, labelled, strict=True)],
            "champion": champion.tolist(),
            "challenger": ["v9" if s else None for s in share],
            "challenger_share": share.tolist(),
            "holdback_share": [0.02 if habit == 4 else 0.0] * ticks,
            "expected": [0.412 if watching else None] * ticks,
            "limit": [0.433 if watching else None] * ticks,
            "evidence": climb.tolist() if watching else [None] * ticks,
            "evidence_limit": [6.0 if watching else None] * ticks,
        },
        "slices": _slices(mean, int(n.sum())),
        "decisions": _decisions(story, policy),
        "versions": [_version(release, mean) for release in story.releases],
        "cost": {
            "train_seconds": 41.5 * trained,
            "predict_seconds": 12.25,
            "retrains": trained,
            "promotions": promotions,
            "rollbacks": sum(1 for d in story.decisions if d[1] == "rolled_back"),
            "cost": 6.5 * trained,
            "value": 0.0,
        },
    }


def _climb(excess: np.ndarray) -> np.ndarray:
    """A chart that adds up what is above the limit and starts again when it reaches 6."""
    level, levels = 0.0, []
    for step in excess:
        level = 0.0 if level >= 6 else max(0.0, level + float(step))
        levels.append(min(level, 6.2))
    return np.array(levels)


def _decisions(story: Story, policy: str) -> list[dict[str, Any]]:
    ordered = sorted(story.decisions, key=lambda decision: decision[0])
    return [
        {
            "seq": seq,
            "time": _time(max(0, tick)),
            "kind": kind,
            "subject": subject,
            "reason": reason,
            "evidence": evidence,
            "policy_digest": _hash(policy),
            "hash": _hash(f"{policy}/{seq}"),
        }
        for seq, (tick, kind, subject, reason, evidence) in enumerate(ordered)
    ]


def _slices(mean: float, n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    carriers = [
        "UA",
        "B6",
        "EV",
        "DL",
        "AA",
        "MQ",
        "US",
        "9E",
        "WN",
        "VX",
        "FL",
        "AS",
        "F9",
        "YV",
        "HA",
        "OO",
    ]
    rows = []
    for name, values in (("carrier", carriers), ("origin", ["EWR", "JFK", "LGA"])):
        weights = np.sort(rng.dirichlet(np.full(len(values), 0.6)))[::-1]
        for value, weight in zip(values, weights, strict=True):
            rows.append(
                {
                    "slice": name,
                    "value": value,
                    "n": int(weight * n),
                    "label_coverage": 0.96,
                    METRIC: mean + float(rng.normal(0, 0.03)),
                }
            )
    rows.append(
        {"slice": "carrier", "value": "ZZ", "n": 12, "label_coverage": 1.0, METRIC: mean + 0.4}
    )
    return rows


def _version(release: Release, mean: float) -> dict[str, Any]:
    return {
        "version": release.name,
        "trained_at": _time(release.trained),
        "data_from": _time(release.trained - 672),
        "data_to": _time(release.trained - 24),
        "rows": 18_804,
        "artifact": _hash(release.name),
        "parent": None if release.name == "v1" else "v1",
        "status": release.status,
        "serving_from": None if release.serving_from is None else _time(release.serving_from),
        "serving_to": None if release.serving_to is None else _time(release.serving_to),
        "metrics": {
            "recent_holdout": {METRIC: mean - 0.01, "brier": 0.14},
            "random_sample": {METRIC: mean},
        },
        "cost": {"train_seconds": 41.5},
    }


def _row(replay: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    value = replay["metrics"][METRIC]
    gain = (first["metrics"][METRIC] - value) * 60_000
    return {
        "policy": replay["policy"]["name"],
        METRIC: value,
        f"{METRIC}_low": value - 0.0021,
        f"{METRIC}_high": value + 0.0021,
        **{
            key: replay["cost"][key]
            for key in (
                "retrains",
                "promotions",
                "rollbacks",
                "train_seconds",
                "predict_seconds",
                "cost",
            )
        },
        "label_coverage": replay["metrics"]["label_coverage"],
        "value": gain,
        "regret": 0.0,
    }


def _time(tick: int) -> str:
    return (START + timedelta(hours=tick)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
