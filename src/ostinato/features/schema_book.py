"""The schemas that each source has had, since when, and what changed: kept in one small file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ostinato.core.canonical import canonical_json
from ostinato.core.errors import StoreError, TamperedError
from ostinato.features.evolution import Changes, SourceSchema
from ostinato.stores.durable import explained, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version of a source's schema: when it was first seen, and what it changed."""

    schema: SourceSchema
    since_ns: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class SchemaBook:
    """All versions of the schemas of all sources, in the order in which they were first seen.

    A set of columns that was there before is the version it was then, so that the book grows with
    different schemas and not with the number of changes.
    """

    entries: tuple[Registered, ...] = ()

    def latest(self, source: str) -> SourceSchema | None:
        """Return the newest version of a source's schema; None: nothing is known of it."""
        return next((e.schema for e in reversed(self.entries) if e.schema.source == source), None)

    def versions(self) -> dict[str, int]:
        """Return the newest version by source: what a model that is trained now is trained on."""
        return {e.schema.source: e.schema.version for e in self.entries}

    def labels(self) -> dict[str, str]:
        """Return the same as `SourceSchema.label` names them."""
        return {e.schema.source: e.schema.label for e in self.entries}

    def kinds(self, source: str) -> dict[str, str]:
        """Return what each column of a source held when it was last there."""
        found: dict[str, str] = {}
        for each in self.entries:
            if each.schema.source == source:
                found.update(each.schema.columns)
        return found

    def find(self, source: str, columns: Mapping[str, str]) -> SourceSchema | None:
        """Return the version of a source that has exactly these columns."""
        mine = (e.schema for e in self.entries if e.schema.source == source)
        return next((schema for schema in mine if schema.columns == columns), None)

    def register(
        self, source: str, columns: Mapping[str, str], changes: Changes, now_ns: int
    ) -> SchemaBook:
        """Return the book with a version of these columns; the same book if it has it.

        Versions are numbered in the order of these calls: who folds the same log has the same book.
        """
        if self.find(source, columns) is not None:
            return self
        schema = SourceSchema(
            source=source,
            version=self.versions().get(source, 0) + 1,
            columns=dict(sorted(columns.items())),
        )
        return SchemaBook((*self.entries, _entry(schema, changes, now_ns)))

    def to_json(self) -> str:
        """Write the book as text, with the hash of its content."""
        content = [asdict(entry) for entry in self.entries]
        return json.dumps({"sha256": _hash(content), "versions": content}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> SchemaBook:
        """Read what `to_json` wrote.

        Raises
        ------
        StoreError
            If it is no such text.
        TamperedError
            If its content is not what was written.
        """
        try:
            body = json.loads(text)
            content, said = body["versions"], body["sha256"]
            book = cls(tuple(map(_read, content)))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise StoreError(
                "The book of schemas cannot be read",
                found=f"{type(error).__name__}: {error}"[:200],
                expected="JSON as it was written",
                hint=_REPAIR,
            ) from error
        if _hash(content) != said:
            raise TamperedError(
                "The book of schemas is not what was written",
                found=f"SHA-256 {_hash(content)[:12]}",
                expected=f"{str(said)[:12]}",
                hint=_REPAIR,
            )
        return book


_REPAIR: Final = (
    "Restore the file from a backup, or remove it: versions are counted from 1 again then."
)


def load_book(path: Path) -> SchemaBook:
    """Read the book from a file; an empty one if there is no file.

    Raises
    ------
    StoreError
        If the file cannot be read or is damaged; it is left as it is.
    """
    if not path.exists():
        return SchemaBook()
    with explained(path):
        content = path.read_bytes()
    return SchemaBook.from_json(content.decode("utf-8", errors="replace"))


def save_book(path: Path, book: SchemaBook) -> None:
    """Put the book into a file: the old content or the new one, never a part."""
    with explained(path):
        write_whole(path, book.to_json().encode())


def _entry(schema: SourceSchema, changes: Changes, since_ns: int) -> Registered:
    return Registered(schema=schema, since_ns=since_ns, changes=changes)


def _hash(content: Any) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _read(entry: dict[str, Any]) -> Registered:
    schema, changes = entry["schema"], entry["changes"]
    return Registered(
        schema=SourceSchema(
            source=str(schema["source"]),
            version=int(schema["version"]),
            columns={str(name): str(kind) for name, kind in schema["columns"].items()},
        ),
        since_ns=int(entry["since_ns"]),
        changes=Changes(
            added=tuple(changes["added"]),
            removed=tuple(changes["removed"]),
            renamed=tuple((old, new) for old, new in changes["renamed"]),
            retyped=tuple((name, old, new) for name, old, new in changes["retyped"]),
        ),
    )
