"""How watching stands, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_NAMED: Final = 3
"""Alarms that the status names; `ostinato alerts list` has all."""


def watch_lines(watch: dict[str, Any] | None) -> Iterator[str]:
    """Yield what is watched, what alarms, what cannot be measured, and what was found.

    Parameters
    ----------
    watch
        As `ostinato.live.engine.watch_status` tells; None: nothing is watched.
    """
    if watch is None:
        return
    budget = watch["budget"]
    yield (
        f"{watch['streams']:,} streams; alarms in {budget['days']:g} days: {budget['raised']}, of "
        f"which {budget['declared']:g} may be false ({budget['expected']:.2g} so far)"
    )
    yield from _alarms(watch)
    unmeasured = {
        name: why for each in watch["monitors"] for name, why in each["unmeasured"].items()
    }
    total = sum(each["unmeasured_total"] for each in watch["monitors"])
    if unmeasured:
        name, why = next(iter(unmeasured.items()))
        yield f"unmeasured: {total:,}, such as {name}: {why}"
    for each in watch["estimates"]:
        yield _estimate(each)
    diagnosis = watch["diagnosis"]
    if diagnosis is not None:
        yield f"diagnosis of {diagnosis['time']}: {diagnosis['cause']}. {diagnosis['reason']}"


def _alarms(watch: dict[str, Any]) -> Iterator[str]:
    counts = [f"{n} {severity}" for severity, n in reversed(watch["by_severity"].items()) if n]
    if not counts:
        return
    standing = watch["standing"]
    more = f" and {len(standing) - _NAMED} more" if len(standing) > _NAMED else ""
    names = ", ".join(each["stream"] for each in standing[:_NAMED])
    yield f"alarms: {', '.join(counts)}: {names}{more}"


def _estimate(each: dict[str, Any]) -> str:
    if each["estimated"] is None:
        return f"estimate {each['stream']}: none"
    return (
        f"estimate {each['stream']}: {each['estimated']:.4g} "
        f"({_short(each['low'])} to {_short(each['high'])}), {_short(each['reference'])} expected"
        + (f"; {each['assumption']}" if each["assumption"].startswith("broken") else "")
    )


def _short(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"
