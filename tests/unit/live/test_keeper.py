from __future__ import annotations

import pytest

from ostinato.core.units import SECOND_NS
from ostinato.live import keeper
from ostinato.live.keeper import Component, Keeper
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Published, write

PART = Component(name="gateway-0", module="m", arguments=("--index", "0"), silent_s=5, start_s=60)


class FakeChild:
    """Dies when it is told to."""

    started: list[FakeChild]

    def __init__(self, name, module, arguments, *, log, say):
        self.pid, self.last_line, self.code, self.arguments = 100, "", None, arguments
        self.kills = 0
        self.started.append(self)

    def ended(self):
        return self.code

    def kill(self):
        self.kills += 1


@pytest.fixture
def children(monkeypatch):
    monkeypatch.setattr(FakeChild, "started", [], raising=False)
    monkeypatch.setattr(keeper, "Child", FakeChild)
    return FakeChild.started


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.make()
    return layout


def seconds(number):
    return 1_000 * SECOND_NS + int(number * SECOND_NS)


def beat(layout, number, *, scoring="", pid=100):
    alive = Alive(pid=pid, started_ns=0, beat_ns=number, scoring=scoring)
    write(layout.run / "gateway-0.json", alive)


def test_pauses_grow_with_quick_deaths_up_to_five_seconds(children, layout):
    kept, now, waits = Keeper(PART, layout, print), 0.0, []
    for _ in range(8):
        while not children or children[-1].code is not None:
            kept.look(seconds(now))
            now += 0.05
        children[-1].code, died = 1, now
        kept.look(seconds(now))
        count = len(children)
        while len(children) == count:
            now += 0.05
            kept.look(seconds(now))
        waits.append(round(now - died, 1))
    assert waits == pytest.approx([0.25, 0.5, 1, 2, 5, 5, 5, 5], abs=0.11)


def test_who_lived_long_starts_again_at_once(children, layout):
    kept = Keeper(PART, layout, print)
    kept.look(seconds(0))
    children[0].code = -9
    kept.look(seconds(11))
    kept.look(seconds(11))
    assert len(children) == 2


def test_a_beat_that_stays_the_same_is_silence(children, layout):
    said = []
    kept = Keeper(PART, layout, said.append)
    kept.look(seconds(0))
    beat(layout, 1)
    for moment in range(1, 21):
        kept.look(seconds(moment / 4))
    assert children[0].kills == 0
    for moment in range(21, 24):
        kept.look(seconds(moment / 4))
    assert children[0].kills > 0
    assert any("no sign of life for 5s" in line for line in said)


def test_a_beat_from_a_clock_set_back_is_a_sign_of_life(children, layout):
    kept = Keeper(PART, layout, print)
    for moment in range(80):
        kept.look(seconds(moment / 4))
        beat(layout, -moment)
    assert children[0].kills == 0


def test_the_beat_of_a_former_process_does_not_count(children, layout):
    kept = Keeper(PART, layout, print)
    for moment in range(40):
        beat(layout, moment, pid=99)
        kept.look(seconds(moment / 4))
    assert kept.beat is None


def test_silence_while_the_supervisor_itself_stood_still_is_forgiven(children, layout):
    kept = Keeper(PART, layout, print)
    beat(layout, 1)
    kept.look(seconds(0))
    kept.look(seconds(0.5))
    kept.look(seconds(3_600))
    assert children[0].kills == 0


def test_silence_in_a_folder_that_cannot_be_written_is_no_hang(children, layout, monkeypatch):
    said = []
    kept = Keeper(PART, layout, said.append)
    kept.look(seconds(0))
    beat(layout, 1)
    monkeypatch.setattr(keeper, "_writable", lambda folder: False)
    for moment in range(1, 30):
        kept.look(seconds(moment / 4))
    assert children[0].kills == 0
    assert "cannot be written" in said[-1]


def test_a_half_written_beat_is_no_sign_and_no_error(children, layout):
    kept = Keeper(PART, layout, print)
    kept.look(seconds(0))
    (layout.run / "gateway-0.json").write_text('{"pid": 1')
    kept.look(seconds(1))
    assert kept.beat is None


def test_a_suspect_is_passed_on_as_long_as_the_routes_name_it(children, layout):
    suspects = {}
    kept = Keeper(PART, layout, print, suspects=suspects)
    write(layout.routes, Published(epoch=1, champion="v1", canary="v2"))
    kept.look(seconds(0))
    beat(layout, 1, scoring="v2")
    children[0].code = -11
    kept.look(seconds(20))
    kept.look(seconds(20))
    assert children[1].arguments == ("--index", "0", "--suspect", "v2")
    write(layout.routes, Published(epoch=2, champion="v1"))
    beat(layout, 2)
    children[1].code = 1
    kept.look(seconds(40))
    kept.look(seconds(40))
    assert children[2].arguments == ("--index", "0")
    assert suspects == {}


def test_a_version_is_not_suspect_for_ever(children, layout):
    suspects = {}
    kept = Keeper(PART, layout, print, suspects=suspects)
    write(layout.routes, Published(epoch=1, champion="v1"))
    kept.look(seconds(0))
    beat(layout, 1, scoring="v1")
    children[0].code = -9
    kept.look(seconds(20))
    beat(layout, 2)
    kept.look(seconds(20))
    children[1].code = -9
    kept.look(seconds(900))
    kept.look(seconds(900))
    assert [each.arguments[2:] for each in children] == [(), ("--suspect", "v1"), ()]
