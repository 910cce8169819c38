"""Work beside the loop is done when it is asked for, again by itself, and again after a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ostinato.core.errors import StoreError
from ostinato.live.engine.background import Background


def waited(condition: Callable[[], bool]) -> bool:
    for _ in range(500):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False


def test_work_beside_the_loop_is_tried_again_until_it_succeeds() -> None:
    done: list[int] = []

    def work() -> None:
        done.append(1)
        if len(done) < 3:
            raise StoreError("not yet")

    background = Background("test", work, retry_seconds=0.01)
    background.ask()
    assert waited(lambda: len(done) == 3 and background.error is None)
    background.ask()
    assert waited(lambda: len(done) == 4)
    background.close()
    background.ask()
    assert not background._thread.is_alive()


class PanicError(BaseException):
    """What some libraries raise that is no `Exception`."""


@pytest.mark.parametrize("raised", [ValueError("oh"), PanicError("oh")])
def test_work_that_fails_as_nobody_foresaw_is_told_and_tried_again(raised: BaseException) -> None:
    done: list[int] = []
    told = threading.Event()

    def work() -> None:
        done.append(1)
        if len(done) == 1:
            raise raised
        told.wait(5)

    background = Background("test", work, retry_seconds=0.01)
    background.ask()
    assert waited(lambda: len(done) == 2)
    assert background.error is not None
    assert type(raised).__name__ in background.error.what
    told.set()
    assert waited(lambda: background.error is None)
    background.close()


def test_work_is_done_again_by_itself_when_it_says_so() -> None:
    done: list[int] = []

    def work() -> float | None:
        done.append(1)
        return 0.01 if len(done) < 3 else None

    background = Background("test", work)
    background.ask()
    assert waited(lambda: len(done) == 3)
    threading.Event().wait(0.05)
    assert len(done) == 3
    background.close()
