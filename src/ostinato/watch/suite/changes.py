"""What changed between two suites, in lines that people read before they commit the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from ostinato.watch.suite.bounds import Batch, Column, LabelExpected


class Comparable(Protocol):
    """What is compared of a suite."""

    @property
    def batch(self) -> Batch: ...
    @property
    def label(self) -> LabelExpected | None: ...
    @property
    def columns(self) -> Mapping[str, Column]: ...


def changes(before: Comparable, after: Comparable) -> list[str]:
    """Return a line per bound that is another one, in the order of the file.

    >>> from ostinato.watch.suite import Suite
    >>> from ostinato.watch.suite.bounds import Bound
    >>> one = Suite(columns={"temp": Column(missing=Bound(warn=0.01))})
    >>> two = Suite(columns={"temp": Column(missing=Bound(warn=0.05)), "wind": Column()})
    >>> changes(one, two)
    ['columns.temp.missing.warn: 0.01 -> 0.05', 'columns.wind: is new']
    """
    lines = list(_of("batch", before.batch, after.batch))
    lines += _of("label", before.label, after.label)
    return [*lines, *_of("columns", before.columns, after.columns)]


def _of(path: str, one: Any, other: Any) -> Iterator[str]:
    if one == other:
        return
    parts, others = _parts(one), _parts(other)
    if parts is None or others is None:
        yield _line(path, one, other)
        return
    for name in {**parts, **others}:
        yield from _of(f"{path}.{name}", parts.get(name), others.get(name))


def _parts(value: Any) -> Mapping[str, Any] | None:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return value if isinstance(value, Mapping) else None


def _line(path: str, one: Any, other: Any) -> str:
    if one is None:
        return f"{path}: is new" + (f", {_shown(other)}" if _plain(other) else "")
    if other is None:
        return f"{path}: is no longer looked at"
    if isinstance(one, tuple) and isinstance(other, tuple):
        come = [each for each in other if each not in one]
        gone = [each for each in one if each not in other]
        told = [f"+ {', '.join(come[:5])}" * bool(come), f"- {', '.join(gone[:5])}" * bool(gone)]
        return f"{path}: {'; '.join(each for each in told if each) or 'another order'}"
    return f"{path}: {_shown(one)} -> {_shown(other)}"


def _plain(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
