"""Files of the service that cannot be read or written: the loop goes on, and says what is wrong."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostinato.live.engine import __main__ as program
from ostinato.live.engine.background import Background
from ostinato.live.engine.house import House
from ostinato.live.layout import Layout
from ostinato.live.published import Published, read


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/status.json")


def test_routes_that_cannot_be_read_are_written_anew(
    played: Any, tmp_path: Path, stores: ExitStack
) -> None:
    before = read(played.layout.routes, Published)
    shutil.copytree(played.layout.folder, tmp_path / "copy")
    layout = Layout(tmp_path / "copy")
    layout.routes.write_bytes(b'{"epoch": 7, "champ\0\0')
    play = replace(played, folder=replace(played.folder, layout=layout))
    play.engine(stores)
    assert read(layout.routes, Published) == before


def test_a_lake_that_does_not_know_how_far_it_is_is_told_and_nothing_is_dropped(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play(retention_days=12, registry=str(make_play().place / "mirror"))
    engine = play.engine(stores)
    play.live(engine)
    (play.layout.lake / "state.json").write_bytes(b"{")
    house = House(play.folder, engine.events)
    stores.callback(house.close)
    first = engine.events.read(0, 1)
    house.saved(engine.now_ns)
    looks = iter(range(1_000))
    while not house.lake_status and next(looks, None) is not None:
        threading.Event().wait(0.01)
    assert "state.json" in house.lake_status
    assert engine.events.read(0, 1) == first


def test_work_beside_the_loop_goes_on_after_the_disk_was_full() -> None:
    tries, done = [], threading.Event()

    def work() -> None:
        tries.append(beside.error)
        if len(tries) == 1:
            full_disk()
        done.set()

    beside = Background("lake", work, retry_seconds=0.01)
    beside.ask()
    assert done.wait(10)
    beside.close()
    assert "No space left on device" in str(tries[1])
    assert "status.json" in str(tries[1])
    assert beside.error is None


def test_an_engine_that_finds_the_disk_full_says_so_in_one_line_and_may_try_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "run_engine", full_disk)
    assert program.main(["/somewhere"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "No space left on device: '/somewhere/status.json'" in line
