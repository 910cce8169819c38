"""Are two journals the same, byte for byte? If not, where do they part?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

from ostinato.core.ports import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two journals part.

    Parameters
    ----------
    seq
        Of the first entry that differs.
    left, right
        Kind and subject of the entry in each; empty where it has ended.
    where
        The first field that differs.
    left_value, right_value
        What it holds in each, shortened.
    """

    seq: int
    left: str
    right: str
    where: str
    left_value: str
    right_value: str

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON types."""
        return asdict(self)


def first_difference(left: Iterable[Entry], right: Iterable[Entry]) -> Difference | None:
    """Return where two journals part; None where they are the same."""
    for seq, (one, other) in enumerate(zip_longest(left, right)):
        if one is None or other is None or (one.body, one.hash) != (other.body, other.hash):
            return _told(seq, one, other)
    return None


def _told(seq: int, left: Entry | None, right: Entry | None) -> Difference:
    one, other = ({} if each is None else json.loads(each.body) for each in (left, right))
    where, values = _parting("", one, other)
    return Difference(
        seq=seq,
        left=_name(left, one),
        right=_name(right, other),
        where=where or ("hash" if left and right else "end"),
        left_value=_short(values[0]),
        right_value=_short(values[1]),
    )


def _name(entry: Entry | None, body: dict[str, Any]) -> str:
    return "" if entry is None else f"{entry.kind} {body.get('subject', '')}".rstrip()


def _parting(path: str, left: Any, right: Any) -> tuple[str, tuple[Any, Any]]:
    """Return the path of the first values that differ, and the values."""
    if isinstance(left, dict) and isinstance(right, dict) and left and right:
        for key in sorted({*left, *right}):
            if left.get(key) != right.get(key):
                below = f"{path}.{key}" if path else key
                return _parting(below, left.get(key), right.get(key))
    return path, (left, right)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."
