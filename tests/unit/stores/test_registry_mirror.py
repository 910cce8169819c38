from __future__ import annotations

from itertools import count

import pytest

from ostinato.checks import check_registry
from ostinato.checks.samples import START_NS, sample_lineage
from ostinato.core.errors import StoreError
from ostinato.stores import FolderRegistry, MemoryRegistry, MirroredRegistry
from ostinato.stores.alias_moves import Move


class Remote:
    """A registry behind a network that can be away, from now on or after some more calls."""

    def __init__(self):
        self.store = MemoryRegistry()
        self.calls_left = None  # None: it is there
        self.calls = 0

    def open(self):
        self._call()
        return self

    def __getattr__(self, name):
        def call(*arguments, **options):
            self._call()
            return getattr(self.store, name)(*arguments, **options)

        return call

    def _call(self):
        self.calls += 1
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise StoreError("The remote registry is away")


@pytest.fixture
def remote():
    return Remote()


@pytest.fixture
def registry(tmp_path, opened, remote):
    return opened(MirroredRegistry, FolderRegistry(tmp_path / "registry"), remote.open)


def fill(registry):
    for number, version in enumerate(("v3", "v1", "v2")):
        registry.register(version, version.encode(), sample_lineage(number))
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    registry.set_alias("challenger", "v2", ts_event_ns=START_NS + 1)
    registry.set_alias("champion", "v2", ts_event_ns=START_NS + 2)
    registry.set_alias("previous", "v1", ts_event_ns=START_NS + 2)


def content(registry):
    versions = registry.versions()
    return {
        "versions": [(name, registry.load(name), registry.lineage(name)) for name in versions],
        "moves": {alias: registry.alias_history(alias) for alias in registry.aliases()},
    }


def test_it_keeps_the_contract_of_a_registry(tmp_path):
    numbers = count()

    def make():
        folder = FolderRegistry(tmp_path / str(next(numbers)))
        return MirroredRegistry(folder, MemoryRegistry)

    def reopen(registry):
        return MirroredRegistry(FolderRegistry(registry.primary.path), MemoryRegistry)

    check_registry(make, reopen)


def test_mirror_follows_when_told_to(registry, remote):
    fill(registry)
    assert remote.calls == 0
    assert registry.sync().is_level
    assert content(remote.store) == content(registry)


def test_registry_works_while_the_mirror_is_away_and_the_mirror_follows_later(registry, remote):
    remote.calls_left = 0
    fill(registry)
    state = registry.sync()
    assert state.versions == ("v3", "v1", "v2")
    assert [(move.alias, move.version) for move in state.moves] == [
        ("champion", "v1"),
        ("challenger", "v2"),
        ("champion", "v2"),
        ("previous", "v1"),
    ]
    assert "away" in str(state.error)
    assert not state.is_level
    assert registry.aliases()["champion"] == "v2"
    remote.calls_left = None
    assert registry.sync().is_level
    assert content(remote.store) == content(registry)


def test_mirror_that_goes_away_at_any_call_gets_the_rest_later(tmp_path):
    for calls_left in range(40):
        remote = Remote()
        registry = MirroredRegistry(FolderRegistry(tmp_path / str(calls_left)), remote.open)
        fill(registry)
        remote.calls_left = calls_left
        state = registry.sync()
        done = remote.store.versions()
        assert [*done, *state.versions] == ["v3", "v1", "v2"]
        assert (state.error is None) == state.is_level
        remote.calls_left = None
        assert registry.sync().is_level
        assert content(remote.store) == content(registry)
        if state.is_level:
            return
    pytest.fail("the mirror was never level at once")


def test_what_is_pending_is_found_again_by_another_process(registry, remote, tmp_path):
    fill(registry)
    registry.sync(limit=2)
    again = MirroredRegistry(FolderRegistry(registry.primary.path), remote.open)
    again.register("v4", b"v4", sample_lineage())
    assert again.sync().is_level
    assert remote.store.versions() == ["v3", "v1", "v2", "v4"]


def test_limit_bounds_the_work_of_a_call(registry, remote):
    fill(registry)
    pending = []
    for _ in range(4):
        state = registry.sync(limit=2)
        pending.append((len(state.versions), len(state.moves)))
    assert pending == [(1, 4), (0, 3), (0, 1), (0, 0)]
    assert content(remote.store) == content(registry)


def test_mirror_that_is_level_is_left_in_peace(registry, remote):
    fill(registry)
    registry.sync()
    before = remote.calls
    assert registry.sync().is_level
    assert remote.calls == before


def test_mirror_that_came_back_empty_is_filled_again(registry, remote):
    fill(registry)
    registry.sync()
    remote.store, remote.calls_left = MemoryRegistry(), 0
    registry.register("v9", b"nine", sample_lineage())
    assert registry.sync().versions == ("v9",)
    remote.calls_left = None
    assert registry.sync().is_level
    assert content(remote.store) == content(registry)


def test_last_moves_are_told_again_at_the_first_contact(registry, remote):
    fill(registry)
    registry.sync()
    told = []
    remote.set_alias = lambda alias, version, *, ts_event_ns: told.append((alias, version))
    MirroredRegistry(registry.primary, remote.open).sync()
    assert sorted(told) == [("challenger", "v2"), ("champion", "v2"), ("previous", "v1")]


def test_no_alias_is_moved_to_a_version_that_the_mirror_holds_with_other_content(registry, remote):
    remote.store.register("v2", b"something else", sample_lineage())
    fill(registry)
    state = registry.sync()
    assert "Version v2 is already registered with another artifact" in str(state.error)
    assert remote.store.aliases() == {}


def test_pending_moves_are_records(registry, remote):
    remote.calls_left = 0
    registry.register("v1", b"one", sample_lineage())
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    assert registry.sync().moves == (Move(alias="champion", version="v1", ts_event_ns=START_NS),)
