"""The hash chain of a journal: how an entry is made, and how a chain of them is checked.

Entry n holds ``hash(n) = SHA-256(hash(n - 1) + body(n))`` in hex, with "" before the first. Whoever
changes, drops or moves an entry breaks every hash after it. Cutting entries off the end, or
rewriting the whole chain, shows only against a head that somebody remembered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ostinato.core.canonical import canonical_json
from ostinato.core.errors import StoreError, TamperedError, TruncatedError
from ostinato.core.ports import Entry
from ostinato.core.records import Decision

Head = tuple[int, str]
"""The next `seq` and the hash of the last entry ("" when there is none)."""


def entry_hash(previous: str, body: str) -> str:
    """Hash an entry's body onto the hash before it.

    Parameters
    ----------
    previous
        64 hex digits, "" for the first entry.
    body
        The canonical text of the decision.

    Returns
    -------
    str
        64 hex digits.

    Examples
    --------
    >>> entry_hash("", "{}")[:8], entry_hash(entry_hash("", "{}"), "{}")[:8]
    ('44136fa3', 'e1f3840a')
    """
    # Damaged text is read with surrogate escapes, so that it hashes as the bytes on disk.
    return hashlib.sha256((previous + body).encode(errors="surrogateescape")).hexdigest()


def next_entries(
    decisions: Sequence[Decision], head: Head, *, place: str = "memory"
) -> list[Entry]:
    """Chain decisions onto a head; `place` is where the journal lies, for messages.

    Raises
    ------
    StoreError
        If a `seq` is not the next one, or a text cannot be written as UTF-8.
    """
    expected_seq, previous = head
    made: list[Entry] = []
    for decision in decisions:
        if decision.seq == 0 and expected_seq > 0 and not made:
            raise StoreError(
                f"The journal already holds {expected_seq} decisions",
                found=f"{place}, and a {decision.kind} that begins at seq 0",
                expected="an empty journal: each run has its own",
                hint="Choose a new file, or move the old one away.",
            )
        if decision.seq != expected_seq:
            raise StoreError(
                f"The journal refused a {decision.kind}",
                found=f"seq {decision.seq}",
                expected=f"seq {expected_seq}, the next one",
                hint="Number decisions from the journal's head(), by one writer only.",
            )
        body, measured = decision.canonical(), canonical_json(decision.measured)
        _check_text(decision, body + measured)
        previous = entry_hash(previous, body)
        made.append(
            Entry(
                seq=decision.seq,
                ts_event_ns=decision.ts_event_ns,
                ts_record_ns=decision.ts_record_ns,
                kind=decision.kind,
                body=body,
                hash=previous,
                measured=measured,
            )
        )
        expected_seq += 1
    return made


def check_chain(entries: Iterable[Entry], expected_head: Head | None = None) -> int:
    """Recompute a chain from its first entry on.

    Parameters
    ----------
    entries
        All entries, in order.
    expected_head
        A head remembered from earlier. The chain may have grown since, but must still contain it.

    Returns
    -------
    int
        The number of entries.

    Raises
    ------
    TamperedError
        If an entry does not match its hash, its body or the remembered head.
    TruncatedError
        If there are fewer entries than the remembered head says.
    """
    remembered_seq, remembered_hash = expected_head if expected_head is not None else (0, "")
    count, found_hash = 0, ""
    for entry in _checked(entries):
        count += 1
        if count == remembered_seq:
            found_hash = entry.hash
    if count < remembered_seq:
        raise TruncatedError(
            "The end of the journal is missing",
            found=f"{count} entries",
            expected=f"at least {remembered_seq}",
            hint="Restore the journal from a backup that reaches further.",
        )
    if found_hash != remembered_hash:
        raise TamperedError(
            f"Entry {remembered_seq - 1} of the journal is not the one remembered",
            found=found_hash or "no entry",
            expected=remembered_hash or "no entry",
            hint="The journal was rewritten, or the remembered head belongs to another one.",
        )
    return count


def _checked(entries: Iterable[Entry]) -> Iterator[Entry]:
    previous = ""
    for seq, entry in enumerate(entries):
        if entry.seq != seq:
            raise _tampered(seq, "seq", entry.seq, seq)
        right = entry_hash(previous, entry.body)
        if entry.hash != right:
            raise _tampered(seq, "hash", entry.hash, right)
        # The columns beside the body repeat parts of it; the hash covers them through the body.
        written = _parsed(entry)
        for name in ("seq", "ts_event_ns", "ts_record_ns", "kind"):
            if getattr(entry, name) != written.get(name):
                raise _tampered(seq, name, getattr(entry, name), written.get(name))
        previous = entry.hash
        yield entry


def _parsed(entry: Entry) -> dict[str, Any]:
    try:
        return dict(json.loads(entry.body))
    except (ValueError, TypeError) as error:
        raise _tampered(entry.seq, "body", entry.body, "a JSON object") from error


def _tampered(seq: int, name: str, found: object, expected: object) -> TamperedError:
    return TamperedError(
        f"Entry {seq} of the journal was changed: its {name} does not fit",
        found=ascii(found),
        expected=ascii(expected),
        hint="Entries before it are intact. Restore the journal from a backup.",
    )


def _check_text(decision: Decision, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StoreError(
            f"The journal refused a {decision.kind}",
            found=f"text that is not Unicode: {text[error.start : error.end]!a}",
            expected="text that can be written as UTF-8",
            hint="Clean the ids and names that the decision quotes.",
        ) from error
