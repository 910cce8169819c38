import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.stats.weights import FLOOR, WeightBank, losses_of


def switching(rng, n, *, every, experts=4):
    """One model in turn is good, the others guess: scores (n, experts), labels (n,)."""
    labels = (rng.random(n) < 0.5).astype(float)
    good = np.arange(n) // every % experts
    right = rng.random((n, experts)) < np.where(good[:, None] == np.arange(experts), 0.9, 0.55)
    scores = np.where(right == (labels[:, None] == 1.0), 0.8, 0.2)
    return scores, labels


def served(bank, scores, labels, *, delay=0, tick=1):
    """Mixture of every row, labels known `delay` rows later, weights published every tick."""
    n = labels.size
    mixed, versions, known = np.zeros(n), np.zeros(n, dtype=np.int64), 0
    for start in range(0, n, tick):
        rows = slice(start, start + tick)
        mixed[rows], versions[rows] = bank.mix(scores[rows]), bank.version
        to = max(min(start + tick, n) - delay, known)
        bank.observe(scores[known:to], labels[known:to], versions[known:to])
        known = to
        bank.publish()
    return mixed


def brier(said, labels):
    return np.square(said - labels).mean()


@pytest.mark.parametrize(("delay", "every"), [(0, 300), (100, 1500)])
def test_weights_follow_the_good_model_and_beat_the_best_single_one(delay, every):
    scores, labels = switching(np.random.default_rng(1), 4000, every=every)
    bank = WeightBank.begin(4, remember=150)

    mixed = served(bank, scores, labels, delay=delay, tick=1 if delay == 0 else 10)

    single = np.square(scores - labels[:, None]).mean(axis=0).min()
    assert brier(mixed, labels) < 0.85 * single
    assert brier(mixed, labels) < brier(scores.mean(axis=1), labels)


def test_with_one_model_best_throughout_the_mixture_costs_next_to_nothing_more():
    rng = np.random.default_rng(2)
    labels = (rng.random(3000) < 0.5).astype(float)
    scores = np.abs(labels[:, None] - np.array([0.15, 0.35, 0.45]))
    scores = np.clip(scores + 0.1 * rng.normal(size=scores.shape), 0.01, 0.99)
    bank = WeightBank.begin(3)

    mixed = served(bank, scores, labels)

    # The regret of a mixable loss is at most log(3) / 2, of the vote log(8) / .2, and the floor.
    best = np.square(scores[:, 0] - labels).sum()
    assert np.square(mixed - labels).sum() <= best + 0.55 + 10.4 + 3000 * 8 * FLOOR
    assert bank.weights[0] > 0.9


def test_weights_are_those_of_the_recursions_written_plainly():
    rng = np.random.default_rng(3)
    scores, labels = rng.random((40, 3)), rng.integers(0, 2, 40).astype(float)
    bank = WeightBank.begin(3)

    bank.observe(scores, labels, np.zeros(40))

    settings = [(2.0, a, 1.0) for a in (0.001, 0.01, 0.05)]
    settings += [(0.4, 0.0, g) for g in (0.95, 0.98, 0.99, 0.995, 0.999)]
    meta = np.full(8, 1 / 8)
    inner = []
    for eta, share, discount in settings:
        weights = np.full(3, 1 / 3)
        for said, label in zip(scores, labels, strict=True):
            weights = weights**discount * np.exp(-eta * (said - label) ** 2)
            weights = (1 - share) * weights / weights.sum() + share / 3
            weights = np.maximum(weights, FLOOR)
            weights /= weights.sum()
        inner.append(weights)
    for said, label in zip(scores, labels, strict=True):
        right = said.mean() if label == 1.0 else 1.0 - said.mean()  # version 0: equal weights
        meta = meta**0.99 * np.clip(right, 0.01, 1.0) ** 0.2
        meta /= meta.sum()
    bank.publish()
    assert bank.weights == pytest.approx(meta @ np.array(inner), rel=1e-9)
    assert bank.weights.sum() == pytest.approx(1.0)
    assert bank.n == 40


def test_a_setting_is_judged_by_the_weights_the_row_was_served_with():
    rng = np.random.default_rng(4)
    scores, labels = switching(rng, 400, every=400)
    bank = WeightBank.begin(4)
    bank.observe(scores, labels, np.zeros(400))
    bank.publish()
    early, late = decode(encode(bank)), decode(encode(bank))
    row, label = np.array([[0.9, 0.1, 0.1, 0.1]]), np.array([1.0])

    early.observe(row, label, [0])
    late.observe(row, label, [1])

    # The models themselves are judged alike. Under version 0 all settings served alike, so that
    # the vote only forgets; under version 1 the settings that had found the good model gain.
    assert np.array_equal(early.inner, late.inner)
    forgotten = 0.99 * np.log(bank.meta)
    assert np.ptp(np.log(early.meta) - forgotten) == pytest.approx(0.0, abs=1e-9)
    gain = np.log(late.meta) - forgotten
    found = bank.kept_inner[1, :, 0]
    assert gain.argmax() == found.argmax()
    assert np.ptp(gain) > 0.001


def test_borders_of_batches_do_not_matter():
    rng = np.random.default_rng(5)
    scores, labels = switching(rng, 300, every=70)
    whole, pieces = WeightBank.begin(4), WeightBank.begin(4)

    whole.observe(scores, labels, np.zeros(300))
    for cut in np.split(np.arange(300), [1, 50, 51, 200]):
        pieces.observe(scores[cut], labels[cut], np.zeros(cut.size))

    assert pieces.inner == pytest.approx(whole.inner, rel=1e-12)
    assert pieces.meta == pytest.approx(whole.meta, rel=1e-12)


def test_what_is_served_changes_only_when_it_is_published():
    bank = WeightBank.begin(2)
    bank.observe(np.array([[0.9, 0.1]]), [1], [0])

    assert bank.weights == pytest.approx([0.5, 0.5])
    assert bank.mix(np.array([[0.9, 0.1]])) == pytest.approx([0.5])
    assert bank.publish() == 1
    assert bank.weights[0] > 0.5


def test_an_earlier_version_can_be_restored_and_learning_goes_on_from_it():
    scores, labels = switching(np.random.default_rng(6), 200, every=200)
    bank = WeightBank.begin(4)
    bank.observe(scores[:100], labels[:100], np.zeros(100))
    kept = bank.publish()
    good = bank.weights
    bank.observe(1.0 - scores[100:], labels[100:], np.full(100, kept))
    bank.publish()
    assert np.abs(bank.weights - good).max() > 0.1

    new = bank.restore(kept)

    assert new == 3
    assert bank.weights == pytest.approx(good, rel=1e-12)
    with pytest.raises(ValueError, match="version 7 is not kept"):
        bank.restore(7)


def test_a_model_that_was_useless_for_long_comes_back_soon():
    bank = WeightBank.begin(2)
    n = 3000
    bank.observe(np.tile([0.9, 0.1], (n, 1)), np.ones(n), np.zeros(n))
    bank.publish()
    assert bank.weights[1] < 0.01

    # log(1e4) / (eta x gap) = 9.2 / (2 x .8) rows suffice for the quick settings.
    rows, labels = np.tile([0.9, 0.1], (60, 1)), np.zeros(60)
    for row in range(60):
        bank.observe(rows[row : row + 1], labels[row : row + 1], [bank.version])
        bank.publish()

    assert bank.weights[1] > 0.5


def test_losses_are_proper_and_as_defined():
    truth = np.array([1.0, 0.0])
    said = np.array([[0.9, 0.2], [0.9, 0.2]])
    classes = np.stack([1.0 - said, said], axis=2)

    brier_binary = losses_of("brier", said, truth, 1.0)

    assert brier_binary == pytest.approx(np.square(said - truth[:, None]))
    assert losses_of("brier", classes, truth, 1.0) == pytest.approx(brier_binary)
    log = losses_of("log", said, truth, 1.0)
    assert log == pytest.approx(-np.log([[0.9, 0.2], [0.1, 0.8]]))
    assert losses_of("log", classes, truth, 1.0) == pytest.approx(log)
    assert losses_of("log", np.array([[0.0]]), np.ones(1), 1.0) == pytest.approx(-np.log(0.01))
    far = losses_of("squared", np.array([[3.0, 20.0]]), np.array([5.0]), 10.0)
    assert far == pytest.approx(np.array([[0.04, 1.0]]))


def test_classes_and_numbers_are_mixed_as_well():
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 3, 500)
    good = np.eye(3)[labels] * 0.7 + 0.1
    scores = np.stack([rng.dirichlet(np.ones(3), 500), good], axis=1)
    bank = WeightBank.begin(2)
    bank.observe(scores, labels, np.zeros(500))
    bank.publish()
    assert bank.weights[1] > 0.9
    assert bank.mix(scores).sum(axis=1) == pytest.approx(np.ones(500))

    target = rng.normal(50.0, 10.0, 500)
    numbers = np.stack([target + rng.normal(0, 1, 500), np.full(500, 50.0)], axis=1)
    bank = WeightBank.begin(2, loss="squared", scale=60.0)
    bank.observe(numbers, target, np.zeros(500))
    bank.publish()
    assert bank.weights[0] > 0.75
    assert np.square(bank.mix(numbers) - target).mean() < 6.0


def test_memory_is_bounded_and_a_label_of_a_forgotten_version_is_still_used():
    bank = WeightBank.begin(2, remember=5)
    for _ in range(30):
        bank.observe(np.array([[0.9, 0.1]]), [1], [bank.version])
        bank.publish()
    before = bank.inner.copy()

    bank.observe(np.array([[0.1, 0.9]]), [1], [3])

    assert bank.kept_versions.tolist() == [26, 27, 28, 29, 30]
    assert bank.kept_inner.shape == (5, 8, 2)
    assert not np.array_equal(before, bank.inner)


def test_what_was_fixed_can_be_registered():
    registered = WeightBank.begin(3, loss="log").registered()

    assert registered["loss"] == "log"
    assert registered["etas"] == [1.0, 1.0, 1.0, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert registered["floor"] == FLOOR


@pytest.mark.parametrize(
    ("scores", "labels", "versions", "message"),
    [
        ([[0.5]], [1], [0], "need 2 scores"),
        ([[0.5, 0.5]], [1, 0], [0, 0], "need 2 scores"),
        ([[0.5, 0.5]], [1], [0, 0], "need 2 scores"),
        ([[0.5, 0.5]], [1], [1], "versions must be"),
        ([[0.5, 0.5]], [1], [-1], "versions must be"),
        ([[0.5, np.nan]], [1], [0], "must be finite"),
        ([[0.5, 0.5]], [np.nan], [0], "must be finite"),
        ([[0.5, 1.5]], [1], [0], "probabilities"),
        ([[0.5, 0.5]], [2], [0], "whole numbers"),
        ([[0.5, 0.5]], [0.5], [0], "whole numbers"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(scores, labels, versions, message):
    bank = WeightBank.begin(2)

    with pytest.raises(ValueError, match=message):
        bank.observe(np.array(scores), labels, versions)
    assert bank.n == 0


@pytest.mark.parametrize("bad", [{"remember": 0}, {"scale": 2.0}, {"loss": "squared", "scale": 0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        WeightBank.begin(2, **bad)
    with pytest.raises(ValueError, match="must be"):
        WeightBank.begin(0)
