"""Messages: everything there is to tell an address at one time, in one piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from ostinato.core.units import format_time
from ostinato.core.watched import SEVERITIES
from ostinato.live.alerts.notice import Notice, worst

MOST_LINES: Final = 20
"""Notices that stand in the text. More: nobody reads them, and channels cut them off."""

MOST_FACTS: Final = 200
"""Notices that stand in the JSON: the worst. More: what takes it may refuse its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: a title and text for people, the same as JSON types for programs."""

    severity: str
    title: str
    text: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: the loop, and where people look further."""

    loop: str
    link: str

    def page(self, name: str = "") -> str:
        """Return where the alarms of the loop are told in full, or one of them."""
        pages = f"{self.link}/loops/{quote(self.loop, safe='')}/alarms"
        return f"{pages}?name={quote(name, safe='')}" if name else pages


def compose(
    sender: Sender, notices: Sequence[Notice], *, untold: int = 0, untold_since_ns: int = 0
) -> Message:
    """Put notices together, the worst first.

    Parameters
    ----------
    sender
        Whose message it is.
    notices
        At least one, unless something was not told.
    untold, untold_since_ns
        How many notices were given up before, and since when.
    """
    ordered = sorted(notices, key=lambda each: -SEVERITIES.index(each.severity))
    severity = worst([each.severity for each in notices] + ["warning"] * bool(untold))
    title = f"{sender.loop}: {_title(ordered, untold)}"
    names = [each.name for each in ordered if each.what != "decision"]
    link = sender.page(names[0] if len(ordered) == len(names) == 1 else "")
    lines = [each.text for each in ordered[:MOST_LINES]]
    more = len(ordered) - len(lines)
    lines += [f"and {more} more"] * bool(more)
    lines += _untold(untold, untold_since_ns)
    return Message(
        severity=severity,
        title=title,
        text="\n".join([*lines, link]),
        body={
            "loop": sender.loop,
            "severity": severity,
            "title": title,
            "text": "\n".join([title, *lines, link]),
            "link": link,
            "notices": [_facts(sender, each) for each in ordered[:MOST_FACTS]],
            "count": len(ordered),
            "untold": untold,
        },
    )


def trial(sender: Sender) -> Message:
    """Return a message by which people see that messages arrive."""
    title = f"{sender.loop}: test"
    text = "This is a test: alerts of the loop arrive here."
    return Message(
        severity="info",
        title=title,
        text=f"{text}\n{sender.page()}",
        body={
            "loop": sender.loop,
            "severity": "info",
            "title": title,
            "text": f"{title}\n{text}\n{sender.page()}",
            "link": sender.page(),
            "notices": [],
            "count": 0,
            "untold": 0,
        },
    )


def _title(ordered: Sequence[Notice], untold: int) -> str:
    if len(ordered) == 1:
        (only,) = ordered
        if only.what == "decision":
            return f"{only.facts['kind'].replace('_', ' ')} ({only.name})"
        said = {"raised": only.severity, "worse": f"{only.severity}, worse"}
        said |= {"reminder": f"{only.severity}, still", "passed": "resolved"}
        return f"{said.get(only.what, only.what)}: {only.name}"
    counts = Counter(_sort(each) for each in ordered)
    told = [f"{n} {name}{'s' * (n > 1 and name != 'resolved')}" for name, n in counts.items()]
    told += [f"{untold} that could not be told"] * bool(untold)
    return ", ".join(told)


def _sort(notice: Notice) -> str:
    if notice.is_alarm:
        return f"{notice.severity} alarm"
    return "decision" if notice.what == "decision" else "resolved"


def _untold(untold: int, since_ns: int) -> list[str]:
    """Say in a line what was given up."""
    when = format_time(since_ns)
    line = (
        f"Refused here since {when} and not told again: {untold}; ostinato audit log and ostinato "
        "alerts list have them."
    )
    return [line] * bool(untold)


def _facts(sender: Sender, notice: Notice) -> dict[str, Any]:
    if notice.what == "decision":
        return notice.facts
    return {**notice.facts, "link": sender.page(notice.name)}
