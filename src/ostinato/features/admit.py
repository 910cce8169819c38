"""Take events whose columns are not those of before: mapped by rule, or refused with what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ostinato.core.errors import DataError
from ostinato.features.evolution import Changes, compare_schemas, lossless, under_new_names
from ostinato.features.kinds import Kind
from ostinato.features.schema_book import SchemaBook
from ostinato.features.sources import KINDS, Events

Example = Callable[[str], str]
"""Shows a value of a column, for error messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Columns that were taken.

    Parameters
    ----------
    columns
        Kind by column, as the source has them now.
    changes
        Against the newest version of the book.
    """

    columns: Mapping[str, str]
    changes: Changes

    def register(self, book: SchemaBook, source: str, now_ns: int) -> SchemaBook:
        """Return the book with these columns in it."""
        return book.register(source, self.columns, self.changes, now_ns)


def admit(
    book: SchemaBook,
    source: Events,
    columns: Mapping[str, Kind],
    reads: Sequence[str],
    *,
    example: Example,
    whole: bool = True,
) -> Admitted:
    """Check the columns of events against what the book knows of their source.

    Added columns are taken. Columns that are gone are taken where no feature reads them, or where
    the declaration says what stands for them (`Events.missing`). Another name is taken by rule
    (`Events.renamed`). Another kind is taken where no value changes by it (integer, number), where
    it is the one that is declared (`Events.columns`), or where no feature reads the column.

    Parameters
    ----------
    book
        What is known.
    source
        The declaration.
    columns
        What came, without times: kind by column, None where no value is there (`kinds_of_rows`).
    reads
        Columns that features read (`FeaturePlan.columns_of`).
    example
        Shows a value.
    whole
        Whether these are all columns there are, as in a table. Of posted events, columns that no
        feature reads may be there or not, and an integer may stand in a column of numbers.

    Raises
    ------
    DataError
        If a column that features read is gone or of another kind, and no rule says what to do.
    """
    named = under_new_names(columns, source.renamed)
    known = under_new_names(book.kinds(source.name), source.renamed)
    _check_there(source, named, known, reads)
    for name in reads:
        kind = _settled(source, name, named.get(name), known, whole=whole)
        _check_kind(source, name, kind, source.columns.get(name, known.get(name)), example)
    return noted(book, source, columns, reads, whole=whole)


def noted(
    book: SchemaBook,
    source: Events,
    columns: Mapping[str, Kind],
    reads: Sequence[str],
    *,
    whole: bool = True,
) -> Admitted:
    """Compare columns with what the book knows, of events that were checked before.

    Parameters
    ----------
    book, source, columns, reads, whole
        As of `admit`.
    """
    named = under_new_names(columns, source.renamed)
    known = under_new_names(book.kinds(source.name), source.renamed)
    kinds = {name: _settled(source, name, kind, known, whole=whole) for name, kind in named.items()}
    latest = book.latest(source.name)
    old = {} if latest is None else dict(latest.columns)
    stays = {name: kind for name, kind in old.items() if not whole and name not in reads}
    now = stays | {name: kind for name, kind in kinds.items() if kind is not None}
    raw = {name: kind for name, kind in now.items() if name not in source.renamed}
    return Admitted(
        columns=dict(sorted(raw.items())),
        changes=compare_schemas(old, {**kinds, **raw}, source.renamed),
    )


def _settled(
    source: Events, name: str, kind: Kind, known: Mapping[str, Kind], *, whole: bool
) -> Kind:
    """Return the kind that a column is taken as."""
    wanted = source.columns.get(name)
    before = known.get(name)
    if wanted is not None and (kind is None or lossless(wanted, kind)):
        return wanted
    if kind is None or (not whole and before == "number" and kind == "integer"):
        return before
    return kind


def _check_there(
    source: Events, named: Mapping[str, Kind], known: Mapping[str, Kind], reads: Sequence[str]
) -> None:
    gone = [name for name in reads if name not in named and name not in source.missing]
    if not gone:
        return
    before = source.columns.get(gone[0], known.get(gone[0]))
    others = [n for n, kind in named.items() if n not in reads and _alike(kind, before)]
    near = get_close_matches(gone[0], others, n=1)
    rules = (
        f"If {near[0]!r} is the same, declare renamed={{{near[0]!r}: {gone[0]!r}}}; else "
        if near
        else ""
    )
    hint = f"{rules}give it again, or declare what stands for it: missing={{{gone[0]!r}: ...}}."
    raise DataError(
        f"Events of the source {source.name!r} lack columns that features read: {', '.join(gone)}",
        found=", ".join(named) or "no columns",
        expected=", ".join(reads),
        hint=hint[0].upper() + hint[1:],
    )


def _alike(kind: Kind, before: Kind) -> bool:
    return None in (kind, before) or kind == before or lossless(str(kind), str(before))


def _check_kind(source: Events, name: str, kind: Kind, before: Kind, example: Example) -> None:
    """Refuse another kind than declared, or else than before."""
    declared = name in source.columns
    if kind in (None, before) or (before is None and kind in KINDS):
        return
    if not declared and before is not None and lossless(str(kind), before):
        return
    meant = kind if kind in KINDS else "..."
    raise DataError(
        f"The column {name!r} of the source {source.name!r} is of another kind than "
        + ("declared" if declared else "before" if before else "features can read"),
        found=f"{kind}, for example {example(name)}",
        expected=before or f"{', '.join(KINDS[:-1])} or {KINDS[-1]}",
        hint="Give what it held before, or give this under another name. If the change is meant, "
        f"declare it: columns={{{name!r}: {meant!r}}}.",
    )
