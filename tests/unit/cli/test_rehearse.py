from __future__ import annotations

import io
import json

import pytest
from typer.testing import CliRunner

from ostinato.cli import rehearse
from ostinato.cli.rehearsal_line import Line
from ostinato.core.records import Promoted
from ostinato.live.layout import Layout
from ostinato.live.published import Published, write
from ostinato.live.rehearsal import Rehearsal, Rehearsed
from ostinato.live.rehearse import Moment
from ostinato.live.same_journal import Difference
from ostinato.stores.journal_sqlite import SqliteJournal

FILE = """
import polars as pl
from sklearn.linear_model import LogisticRegression
import ostinato as ost

loop = ost.Loop(name="rides", task="binary", time="t", features=["x"],
    label=ost.Label("y", delay="1h"), learner=LogisticRegression(),
    metric="log_loss", policy=ost.policies.static())

def data():
    return pl.DataFrame({"t": [1, 2], "x": [0.0, 1.0], "y": [0, 1]})
"""

DONE = Rehearsed(
    loop="rides",
    url="http://127.0.0.1:1",
    folder="/tmp/x",
    rows=10,
    ticks=2,
    seconds=1.0,
    wait_ms={"p50": 1.0, "p99": float("nan")},
    metrics={"log_loss": 0.5, "n": 10},
    answers={"v001 as champion": 10},
    decisions={"loop_started": 1},
)
APART = Difference(
    seq=3, left="promoted v2", right="held", where="kind", left_value="1", right_value="2"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "rides.py").write_text(FILE)

    def run(*arguments, **outcome):
        seen = {}

        def fake(self, layout, *, compare, say, report, stay=None):
            seen.update(rehearsal=self, layout=layout, compare=compare)
            values = {name: getattr(DONE, name) for name in DONE.__dataclass_fields__}
            return Rehearsed(**{**values, **outcome})

        monkeypatch.setattr(Rehearsal, "run", fake)
        words = [str(tmp_path / "rides.py"), *map(str, arguments)]
        return CliRunner().invoke(rehearse.app, words), seen

    return run


def test_the_service_runs_on_the_clock_of_events_and_asks_nobody(run):
    done, seen = run("--tick", "2h", "--seed", 4, "--gateways", 2)
    assert done.exit_code == 0, done.output
    config = seen["rehearsal"].config
    assert (config.clock, config.autonomy, config.tick) == ("events", "auto", "2h")
    assert (config.seed, config.gateways, config.loop) == (4, 2, "rides")
    assert not seen["rehearsal"].exact
    assert not seen["layout"].folder.exists()


def test_a_comparison_goes_row_by_row_and_its_answer_is_the_exit_code(run):
    done, seen = run("--compare", same=True)
    assert (done.exit_code, seen["rehearsal"].exact) == (0, True)
    assert "byte for byte" in done.stdout
    done, _ = run("--compare", same=False, difference=APART)
    assert done.exit_code == 1
    assert "decision 3" in done.stdout


def test_the_result_is_json_without_nan(run):
    done, _ = run("--json", "--compare", same=False, difference=APART)
    found = json.loads(done.stdout)
    assert found["wait_ms"] == {"p50": 1.0, "p99": None}
    assert found["difference"]["seq"] == 3


def test_what_cannot_be_used_is_refused(run):
    assert run("--rows-per-request", 0)[0].exit_code == 2
    assert run("--tick", "soon")[0].exit_code == 2


def test_the_line_says_date_rate_epoch_champion_and_last_decision(tmp_path):
    layout = Layout(tmp_path)
    layout.make()
    write(layout.routes, Published(epoch=4, champion="v002-abc"))
    journal = SqliteJournal(layout.journal)
    moment_ns = 1_357_035_300_000_000_000
    words = {"subject": "v002-abc", "reason": "proved", "previous": "v001-abc"}
    journal.append([Promoted(ts_event_ns=moment_ns, ts_record_ns=moment_ns, seq=0, **words)])
    out = io.StringIO()
    with Line(layout, out) as line:
        line.said("engine: started")
        line.show(Moment(now_ns=moment_ns, rows=5, rows_total=10, per_second=1234.5))
        line.said("engine: started again")
        line.said("engine: died (exit code 1)")
    journal.close()
    assert out.getvalue().splitlines() == [
        "engine: started",
        "2013-01-01T10:15   50%  1,234 rows/s  epoch 4  v002-abc  promoted (2013-01-01)",
        "engine: died (exit code 1)",
    ]
