"""How the columns of a source change: added, removed, renamed by rule, of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.core.canonical import digest
from ostinato.features.kinds import Kind

WHOLE_AMONG: tuple[str, str] = ("number", "integer")
"""An integer among numbers is one of them: nothing is lost on either way that `as_kind` allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSchema:
    """What the columns of a source are, besides its times.

    Parameters
    ----------
    source
        Its name.
    version
        1 the first; one more for each set of columns that was not there before.
    columns
        Kind by column, under the names that the declaration has for them; sorted.
    """

    source: str
    version: int
    columns: Mapping[str, str]

    @property
    def label(self) -> str:
        """Name it in short, with what tells its columns from others: ``"2@f3a09c41d2be"``."""
        return f"{self.version}@{digest(self.columns)[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is different between two schemas; all sorted by name.

    Parameters
    ----------
    added, removed
        Columns.
    renamed
        (old name, new name), as the declaration's rule says.
    retyped
        (column, old kind, new kind).
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renamed or self.retyped)

    def __str__(self) -> str:
        said = [f"{name} added" for name in self.added]
        said += [f"{name} removed" for name in self.removed]
        said += [f"{old} renamed {new}" for old, new in self.renamed]
        said += [f"{name} was {old}, is {new}" for name, old, new in self.retyped]
        return "; ".join(said) or "nothing changed"


def compare_schemas(
    old: Mapping[str, str],
    new: Mapping[str, Kind],
    renamed: Mapping[str, str] | None = None,
) -> Changes:
    """Say what changed between two sets of columns.

    Parameters
    ----------
    old
        Kind by column.
    new
        The same; None: the column is there, and holds no value that would tell its kind.
    renamed
        Old names of columns and the new ones: only what stands here counts as renamed.

    Examples
    --------
    >>> old = {"delay": "integer", "gate": "text", "stand": "text"}
    >>> str(compare_schemas(old, {"delay": "number", "place": "text"}, {"stand": "place"}))
    'gate removed; stand renamed place; delay was integer, is number'
    """
    rules = renamed or {}
    by_rule = {
        before: now
        for before, now in rules.items()
        if before in old and before not in new and now in new and now not in old
    }
    before = {by_rule.get(name, name): kind for name, kind in old.items()}
    return Changes(
        added=tuple(sorted(name for name in new if name not in before)),
        removed=tuple(sorted(name for name in before if name not in new)),
        renamed=tuple(sorted(by_rule.items())),
        retyped=tuple(
            (name, kind, found)
            for name, kind in sorted(before.items())
            if (found := new.get(name)) is not None and found != kind
        ),
    )


def under_new_names(columns: Mapping[str, Kind], renamed: Mapping[str, str]) -> dict[str, Kind]:
    """Return columns under the names that the declaration has for them.

    Where a column is there under both names, what the new one holds counts, if it holds anything.
    """
    found: dict[str, Kind] = {}
    for name, kind in columns.items():
        now = renamed.get(name, name)
        if found.get(now) is None or (now == name and kind is not None):
            found[now] = kind
    return found


def lossless(old: str, new: str) -> bool:
    """Say whether values of both kinds can stand in one column without a change to any."""
    return {old, new} == set(WHOLE_AMONG)
