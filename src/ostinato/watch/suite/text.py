"""A suite as text: TOML that people read and edit; the same suite, the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final, Protocol

from ostinato.watch.suite.bounds import Batch, Bound, Column, LabelExpected, Part, Range

HEAD: Final = """\
# What tables look like, read off history by `ostinato suite infer`. Edit it where you know better:
# it is read again at each start. Take a line out, and that is no longer looked at.
#
# Shares of rows, 0 to 1: above `warn` people are told, above `fail` nothing is learned from the
# batch. What a bound of few rows leaves to chance is taken into account.
#   missing     rows without a value          same        rows that hold the most frequent value
#   range, far  rows outside `low` to `high`  new         rows with a value that is not in `values`
#   repeated    ids that came before          duplicates  rows equal to an earlier one
"""
WIDTH: Final = 100
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ORDER: Final = ("missing", "range", "far", "values", "new", "same", "repeated")


class Written(Protocol):
    """What is read off a suite to write it."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def inferred(self) -> Mapping[str, Any]: ...
    @property
    def digest(self) -> str: ...
    @property
    def written(self) -> str: ...
    @property
    def batch(self) -> Batch: ...
    @property
    def label(self) -> LabelExpected | None: ...
    @property
    def columns(self) -> Mapping[str, Column]: ...
    @property
    def notes(self) -> Mapping[tuple[str, str], str]: ...


def text_of(suite: Written) -> str:
    """Write a suite."""
    lines = [HEAD, *_head(suite), *_batch(suite), *_label(suite)]
    for name, column in suite.columns.items():
        lines += _section(suite, f"columns.{name}", f"columns.{key(name)}", _of_column(column))
    return "\n".join(lines) + "\n"


def _head(suite: Written) -> Iterator[str]:
    yield "[suite]"
    yield f"name = {string(suite.name)}"
    yield f"version = {suite.version}"
    yield f"digest = {string(suite.written or suite.digest)}  # of what was inferred"
    for name, value in suite.inferred.items():
        yield f"{key(name)} = {value if isinstance(value, int) else string(str(value))}"


def _batch(suite: Written) -> Iterator[str]:
    batch = suite.batch
    found: dict[str, str] = {}
    least = {"warn": batch.least_warn, "fail": batch.least_fail}
    if set(least.values()) != {None}:
        found["rows"] = _inline({name: n for name, n in least.items() if n is not None})
    if batch.duplicates is not None:
        found["duplicates"] = _bound(batch.duplicates)
    if found or ("batch", "") in suite.notes:
        yield from _section(suite, "batch", "batch", found)


def _label(suite: Written) -> Iterator[str]:
    label = suite.label
    if label is None:
        return
    found = {"column": string(label.column)}
    found |= {n: string(v) for n, v in (("time", label.time), ("known", label.known)) if v}
    if label.new is not None:
        found["new"] = _bound(label.new)
    if label.range is not None:
        found["range"] = _range(label.range)
    if label.same is not None:
        found["same"] = _bound(label.same)
    if label.delay is not None:
        found["delay"] = _range(label.delay)
    yield from _section(suite, "label", "label", found)
    if label.classes:
        parts = {name: _part(part) for name, part in label.classes.items()}
        yield from _section(suite, "label.classes", "label.classes", parts)


def _of_column(column: Column) -> dict[str, str]:
    found = {} if column.kind is None else {"kind": string(column.kind)}
    for name in _ORDER:
        value = getattr(column, name)
        if isinstance(value, Bound):
            found[name] = _bound(value)
        elif isinstance(value, Range):
            found[name] = _range(value)
        elif isinstance(value, tuple):
            found[name] = _list(value)
    return found


def _section(suite: Written, at: str, title: str, found: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield from _comment(suite.notes.get((at, "")))
    yield f"[{title}]"
    for name, value in found.items():
        yield from _comment(suite.notes.get((at, name)))
        yield f"{key(name)} = {value}"


def _comment(text: str | None) -> Iterator[str]:
    if text:
        shown = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        yield f"# {shown}"


def _bound(bound: Bound) -> str:
    return _inline({f.name: getattr(bound, f.name) for f in fields(bound)})


def _range(expected: Range) -> str:
    beyond = {f.name: getattr(expected.beyond, f.name) for f in fields(expected.beyond)}
    return _inline({"low": expected.low, "high": expected.high, **beyond})


def _part(part: Part) -> str:
    return _inline({"low": part.low, "high": part.high, "fail": part.fail})


def _inline(found: Mapping[str, float | int | None]) -> str:
    inside = ", ".join(f"{name} = {n!r}" for name, n in found.items() if n is not None)
    return f"{{ {inside} }}" if inside else "{}"


def _list(values: tuple[str, ...]) -> str:
    """Write texts, as many on a line as fit; a text is never broken."""
    lines, line = [], ""
    for value in values:
        piece = f"{string(value)},"
        if line and len(line) + len(piece) + 3 > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {piece}".strip()
    lines.append(line)
    if len(lines) == 1:
        return f"[{lines[0].rstrip(',')}]"
    return "\n".join(["[", *(f"  {each}" for each in lines), "]"])


def key(name: str) -> str:
    """Write a key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else string(name)


def string(text: str) -> str:
    r"""Write a TOML basic string, everything odd escaped.

    >>> print(string('a "b"\n'), string("\x7fé"))
    "a \"b\"\n" "\u007fé"
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
