from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ostinato.core.errors import StoreError
from ostinato.stores.group_commit import GroupCommit


class SlowDisk:
    """Holds its first commit until told to go on; notes what came in each commit."""

    def __init__(self, failing=()):
        self.commits, self.failing = [], failing
        self.entered, self.go_on = threading.Event(), threading.Event()

    def commit(self, items):
        number = len(self.commits)
        self.commits.append(items)
        if number == 0:
            self.entered.set()
            assert self.go_on.wait(30)
        if number in self.failing:
            raise StoreError("The log could not be used", found="The disk is full")
        return [(number, item) for item in items]


def crowd(disk, callers):
    """One caller holds the disk, `callers` more queue up behind it; return all outcomes."""
    group = GroupCommit(disk.commit)
    with ThreadPoolExecutor(max_workers=callers + 1) as threads:
        outcomes = [threads.submit(group.submit, ["first"])]
        assert disk.entered.wait(30)
        outcomes += [threads.submit(group.submit, [f"{n}a", f"{n}b"]) for n in range(callers)]
        while len(group._queue) < callers:
            threading.Event().wait(0.001)
        disk.go_on.set()
    return outcomes


def test_callers_that_wait_share_one_commit():
    disk = SlowDisk()
    outcomes = crowd(disk, 6)
    assert len(disk.commits) == 2
    assert len(disk.commits[1]) == 12
    assert outcomes[0].result() == [(0, "first")]
    for n, outcome in enumerate(outcomes[1:]):
        assert outcome.result() == [(1, f"{n}a"), (1, f"{n}b")]


def test_failed_commit_fails_each_of_its_callers_and_no_other():
    outcomes = crowd(SlowDisk(failing=(1,)), 3)
    assert outcomes[0].exception() is None
    for outcome in outcomes[1:]:
        with pytest.raises(StoreError, match="The disk is full"):
            outcome.result()


def test_next_commit_is_not_touched_by_a_failed_one():
    disk = SlowDisk(failing=(0,))
    disk.go_on.set()
    group = GroupCommit(disk.commit)
    with pytest.raises(StoreError, match="Append them again"):
        group.submit(["lost"])
    assert group.submit(["kept"]) == [(1, "kept")]


def test_lone_caller_commits_at_once():
    disk = SlowDisk()
    disk.go_on.set()
    assert GroupCommit(disk.commit).submit(["a"]) == [(0, "a")]


def test_interrupted_leader_is_not_swallowed_and_the_group_goes_on():
    def commit(items):
        if items == ["stop"]:
            raise KeyboardInterrupt
        return items

    group = GroupCommit(commit)
    with pytest.raises(KeyboardInterrupt):
        group.submit(["stop"])
    assert group.submit(["next"]) == ["next"]
