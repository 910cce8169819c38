from __future__ import annotations

import contextlib

import pytest

from ostinato.checks import check_registry
from ostinato.checks.registry import REGISTRY_LINES
from ostinato.core.errors import StoreError
from ostinato.core.ports import Registry
from ostinato.stores import FolderRegistry, MemoryRegistry
from ostinato.stores.version_text import lineage_text


def test_memory_registry_keeps_the_contract(tamper_registry):
    check_registry(MemoryRegistry, tamper=tamper_registry[MemoryRegistry])


def test_folder_registry_keeps_the_contract(workshop, tamper_registry):
    check_registry(
        workshop.registry,
        workshop.reopened_registry,
        tamper=tamper_registry[FolderRegistry],
    )


def test_lines_of_the_suite_stand_in_the_port():
    contract = " ".join(Registry.__doc__.split())
    assert [line for line, _ in REGISTRY_LINES[1:] if line not in contract] == []


class SortsByName(MemoryRegistry):
    def versions(self):
        return sorted(super().versions())


class NamesByVersion(MemoryRegistry):
    def register(self, version, artifact, lineage):
        super().register(version, artifact, lineage)
        return version


class TrustsItsDisk(MemoryRegistry):
    def load(self, version):
        return self._artifacts[self._known(version)[0]]


class TakesAnotherArtifact(MemoryRegistry):
    def register(self, version, artifact, lineage):
        kept = self._versions.get(version)
        if kept is not None and kept[1] == lineage_text(lineage):
            del self._versions[version]
        return super().register(version, artifact, lineage)


class TakesAnotherLineage(MemoryRegistry):
    def register(self, version, artifact, lineage):
        known = version in self._versions
        return super().register(version, artifact, self.lineage(version) if known else lineage)


class MovesToTheEnd(MemoryRegistry):
    def register(self, version, artifact, lineage):
        content = super().register(version, artifact, lineage)
        self._versions[version] = self._versions.pop(version)
        return content


class RefusesTheSameAgain(MemoryRegistry):
    def register(self, version, artifact, lineage):
        if version in self._versions:
            raise StoreError("already there")
        return super().register(version, artifact, lineage)


class ForgetsHistory(MemoryRegistry):
    def alias_history(self, alias):
        return super().alias_history(alias)[-1:]


class PointsToNothing(MemoryRegistry):
    def set_alias(self, alias, version, *, ts_event_ns):
        with contextlib.suppress(StoreError):
            super().set_alias(alias, version, ts_event_ns=ts_event_ns)


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (SortsByName, "versions are what was registered"),
        (NamesByVersion, "MUST store an artifact under the SHA-256"),
        (TrustsItsDisk, "MUST store an artifact under the SHA-256"),
        (TakesAnotherArtifact, "MUST refuse to give an existing version another"),
        (TakesAnotherLineage, "MUST refuse to give an existing version another"),
        (MovesToTheEnd, "`register` of the same version"),
        (RefusesTheSameAgain, "`register` of the same version"),
        (ForgetsHistory, "Aliases MUST move atomically"),
        (PointsToNothing, "Aliases MUST move atomically"),
    ],
)
def test_suite_names_the_line_that_a_broken_registry_breaks(broken, line, tamper_registry):
    with pytest.raises(AssertionError, match=f"^Registry: {line}"):
        check_registry(broken, tamper=tamper_registry[MemoryRegistry])
