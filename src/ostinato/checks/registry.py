"""Conformance of a registry: the contract lines of `ostinato.core.ports.Registry`, one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ostinato.checks.contract import refuses, run_lines
from ostinato.checks.samples import START_NS, sample_lineage
from ostinato.core.errors import StoreError, TamperedError
from ostinato.core.ports import Registry


@dataclass(frozen=True, slots=True)
class _Given:
    make: Callable[[], Registry]
    reopen: Callable[[Registry], Registry] | None
    tamper: Callable[[Registry, str], None] | None

    def views(self, registry: Registry) -> list[Registry]:
        # What holds for a registry must hold for what it left on disk.
        return [registry] if self.reopen is None else [registry, self.reopen(registry)]


def check_registry(
    make: Callable[[], Registry],
    reopen: Callable[[Registry], Registry] | None = None,
    *,
    tamper: Callable[[Registry, str], None] | None = None,
) -> None:
    """Check that a registry keeps the contract of its port.

    Parameters
    ----------
    make
        Makes an empty registry, a new one each time.
    reopen
        Opens what a registry left on disk. None: it has no disk.
    tamper
        Changes the stored artifact with this SHA-256 behind the registry's back. None: that the
        hash is checked on load is not checked.

    Raises
    ------
    AssertionError
        If a contract line is broken; the message names the line.
    """
    run_lines("Registry", REGISTRY_LINES, _Given(make, reopen, tamper))


def _reads_back(given: _Given) -> None:
    registry = given.make()
    assert registry.versions() == [], "an empty registry has versions"
    assert registry.aliases() == {}, "an empty registry has aliases"
    for index, version in enumerate(("v2", "v10", "a", "v1")):
        registry.register(version, version.encode(), sample_lineage(seed=index))
    for view in given.views(registry):
        found = view.versions()
        assert found == ["v2", "v10", "a", "v1"], (
            f"versions were registered in another order: {found}"
        )
        assert view.lineage("v10") == sample_lineage(seed=1), "the lineage of v10 changed"
        unknown = refuses(partial(view.load, "v3")) and refuses(partial(view.lineage, "v3"))
        assert unknown, "a version that nobody registered has content"


def _under_its_hash(given: _Given) -> None:
    registry = given.make()
    for version, artifact in (("v1", bytes(range(256)) * 9), ("v2", b""), ("v3", b"")):
        content = hashlib.sha256(artifact).hexdigest()
        returned = registry.register(version, artifact, sample_lineage())
        assert returned == content, f"register returned {returned}, the SHA-256 is {content}"
        for view in given.views(registry):
            assert view.load(version) == artifact, f"the artifact of {version} changed"
    if given.tamper is not None:
        given.tamper(registry, registry.register("v4", b"honest", sample_lineage()))
        assert refuses(partial(registry.load, "v4"), TamperedError), "a changed artifact was loaded"


def _no_other_content(given: _Given) -> None:
    registry = given.make()
    registry.register("v1", b"one", sample_lineage())
    for view in given.views(registry):
        artifact = refuses(partial(view.register, "v1", b"two", sample_lineage()), StoreError)
        assert artifact, "v1 was given another artifact"
        lineage = refuses(partial(view.register, "v1", b"one", sample_lineage(9)), StoreError)
        assert lineage, "v1 was given another lineage"
        kept = (view.load("v1"), view.lineage("v1"), view.versions())
        assert kept == (b"one", sample_lineage(), ["v1"]), "what was refused left a trace"


def _again_is_nothing(given: _Given) -> None:
    registry = given.make()
    first = registry.register("v1", b"one", sample_lineage())
    registry.register("v2", b"two", sample_lineage())
    for view in given.views(registry):
        again = view.register("v1", b"one", sample_lineage())
        assert again == first, f"registering v1 again returned {again}, not {first}"
        assert view.versions() == ["v1", "v2"], f"the versions became {view.versions()}"


def _aliases_move(given: _Given) -> None:
    registry = given.make()
    for version in ("v1", "v2"):
        registry.register(version, version.encode(), sample_lineage())
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    registry.set_alias("canary", "v2", ts_event_ns=START_NS + 1)
    registry.set_alias("champion", "v2", ts_event_ns=START_NS + 2)
    registry.set_alias("champion", "v1", ts_event_ns=START_NS + 3)
    moves = [(START_NS, "v1"), (START_NS + 2, "v2"), (START_NS + 3, "v1")]
    for view in given.views(registry):
        found = view.aliases()
        assert found == {"champion": "v1", "canary": "v2"}, f"the aliases point to {found}"
        history = view.alias_history("champion")
        assert history == moves, f"the history of champion was {history}"
        assert view.alias_history("unknown") == [], "an alias that was never set has a history"
        refused = refuses(partial(view.set_alias, "champion", "v3", ts_event_ns=START_NS + 4))
        assert refused, "an alias was pointed to a version that nobody registered"
        after = (view.aliases(), view.alias_history("champion"))
        assert after == (found, moves), "a refused move left a trace"


REGISTRY_LINES: Final = (
    ("versions are what was registered, in that order", _reads_back),
    (
        "MUST store an artifact under the SHA-256 of its bytes and check it on load",
        _under_its_hash,
    ),
    ("MUST refuse to give an existing version another artifact or lineage", _no_other_content),
    ("`register` of the same version with the same content MUST be a no-op", _again_is_nothing),
    ("Aliases MUST move atomically and keep their history", _aliases_move),
)
"""The contract, line by line, with the check of each."""
