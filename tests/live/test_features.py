"""Computed features through real processes: posted events, two gateways, one killed, restarts."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import OstinatoError
from ostinato.live.events import Answered, decode
from ostinato.live.published import read
from ostinato.live.schema import InputSchema
from ostinato.stores.eventlog_sqlite import SqliteEventLog

pytestmark = pytest.mark.timeout(400)

LOOP = """
import ostinato as ost
from sklearn.linear_model import LogisticRegression

landings = ost.features.Events(
    "landings", time="landed", columns={"airport": "text", "delay": "number"}
)
by = {"by": {"origin": "airport"}, "window": "1h"}

loop = ost.Loop(
    name="whole", task="binary", time="asked", id="id", unit="who",
    features=[
        "a",
        ost.features.sum(landings, "delay", name="delays", **by),
        ost.features.count(ost.features.requests(), by="who", window="1h", name="asked_before"),
        ost.features.count(ost.features.labels(), by="origin", window="1h", name="labelled"),
        ost.features.Function("twice", lambda a: 2 * a, inputs=["a"]),
    ],
    label=ost.Label("y", time="known", horizon="60s"),
    learner=LogisticRegression(),
    policy=ost.Policy(triggers=[], gates=[], rollout=ost.Immediate(watch=None)),
    monitors=None,
)
"""

COMPUTED = ("delays", "asked_before", "labelled", "twice")


def write_history(path, rows=600):
    rng = np.random.default_rng(0)
    a = rng.normal(size=rows)
    asked = np.datetime64("now", "us") - (rows - np.arange(rows)) * np.timedelta64(1, "m")
    asked -= np.timedelta64(2, "h")  # what the history asked and was told is over by now
    pl.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "asked": pl.Series(asked).cast(pl.Datetime("us", "UTC")),
            "known": pl.Series(asked + np.timedelta64(2, "s")).cast(pl.Datetime("us", "UTC")),
            "a": a,
            "origin": rng.choice(["JFK", "LGA"], rows),
            "who": [f"u{row % 9}" for row in range(rows)],
            "y": (a + rng.normal(size=rows) > 0).astype(int),
        }
    ).write_parquet(path)


class Flights:
    """Speaks to a whole service whose features are computed."""

    def __init__(self, whole):
        self.whole = whole

    def start(self):
        """Start it; the very first start of all compiles what windows are computed with."""
        self.whole.start(ready=False)
        self.whole.until(self.whole.ready, seconds=150)

    def land(self, delay, event_id=None, airport="JFK"):
        event = {"time": time.time_ns() - 1_000_000, "airport": airport, "delay": delay}
        event |= {} if event_id is None else {"id": event_id}
        return self.whole.post("events", {"source": "landings", "events": [event]})

    def ask(self, prediction_id=None, who="ann", origin="JFK", a=1.0):
        body = {"inputs": {"a": a, "origin": origin, "who": who}}
        body |= {} if prediction_id is None else {"prediction_id": prediction_id}
        return self.whole.post("predict", body)

    def label(self, prediction_id, label):
        return self.whole.post("labels", {"prediction_id": prediction_id, "label": label})

    def served(self):
        """The computed features of each answer by its id, as the log has them."""
        names = read(self.whole.layout.schema, InputSchema).names
        places = [names.index(name) for name in COMPUTED]
        found = {}
        with SqliteEventLog(self.whole.layout.events, readonly=True) as log:
            for _, _, payload in log.read(0, 10**6):
                event = decode(payload)
                if isinstance(event, Answered):
                    for key, row in zip(event.ids, event.rows, strict=True):
                        found[key] = tuple(row[place] for place in places)
        return found


@pytest.fixture
def flights(make_whole, monkeypatch):
    def make(**options):
        whole = make_whole(**options)
        (whole.home / "whole.py").write_text(LOOP)
        write_history(whole.home / "history.parquet")
        return Flights(whole)

    return make


def test_events_are_in_the_next_features_and_a_restart_changes_nothing(flights):
    made = flights()
    made.start()

    made.ask("first")
    made.land(5.0, event_id=1)
    made.land(7.0)
    assert made.land(5.0, event_id=1) == {"accepted": 0, "doubled": 1, "ignored": {}}
    made.land(100.0, airport="LGA")
    answer = made.ask("second")
    made.label("first", 1)
    made.label("first", 0)
    made.ask("third")
    made.whole.kill("gateway-0")
    again = made.whole.until(lambda: tried(made, "second"), seconds=150)
    made.whole.until(lambda: tried(made, "fourth"))

    assert again == answer
    expected = {
        "first": (0.0, 0.0, 0.0, 2.0),
        "second": (12.0, 1.0, 0.0, 2.0),
        "third": (12.0, 2.0, 1.0, 2.0),
        "fourth": (12.0, 3.0, 1.0, 2.0),
    }
    assert made.served() == expected

    assert made.whole.stop() == 0
    made.start()
    made.ask("fifth")

    assert made.served() == expected | {"fifth": (12.0, 4.0, 1.0, 2.0)}
    assert made.whole.ostinato("audit", "replay")[1]["same"] is True
    assert made.whole.stop() == 0


def tried(made, prediction_id):
    """Ask, where the gateway may just have died or come back."""
    with suppress(OstinatoError):
        return made.ask(prediction_id)
    return None


def test_two_gateways_tell_each_other_through_the_log(flights):
    made = flights(gateways=2)
    made.start()
    made.whole.until(lambda: made.whole.pid("gateway-0") and made.whole.pid("gateway-1"))

    for number in range(40):
        made.land(1.0)
        made.ask(f"r{number}")

    served = made.served()
    assert [served[f"r{number}"][0] for number in range(40)] == [float(n + 1) for n in range(40)]
    assert [served[f"r{number}"][1] for number in range(40)] == [float(n) for n in range(40)]
    told = made.whole.get("/loops/whole")["gateway"]["features"]
    assert told["ready"]
    assert told["taken"]["landings"] == 40
    assert told["trouble"] is None
    assert made.whole.stop() == 0
