"""Policies as they are named on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ostinato.core.errors import ConfigError
from ostinato.loop import policies
from ostinato.loop.policy import Policy

READY_MADE: Final = ("static", "scheduled", "triggered")


def named_policy(name: str, own: Mapping[str, Policy]) -> Policy:
    """Return the policy of a name.

    Parameters
    ----------
    name
        A key of `own`, or ``static``, ``scheduled``, ``scheduled:30d``, ``triggered``,
        ``triggered:0.1`` (tolerance).
    own
        The loop file's ``POLICIES``; they come first.

    Raises
    ------
    ConfigError
        If there is no such policy.

    Examples
    --------
    >>> named_policy("scheduled:30d", {}) == policies.scheduled("30d")
    True
    """
    if name in own:
        return own[name]
    family, _, detail = name.partition(":")
    match family:
        case "static" if not detail:
            return policies.static()
        case "scheduled":
            return policies.scheduled(detail) if detail else policies.scheduled()
        case "triggered" if not detail or _is_number(detail):
            return policies.triggered(float(detail)) if detail else policies.triggered()
        case _:
            raise ConfigError(
                "The policy is unknown",
                found=repr(name),
                expected=", ".join(dict.fromkeys((*own, *READY_MADE, "scheduled:30d"))),
                hint="A name of your own goes into POLICIES = {...} of the loop file.",
            )


def chosen_policies(names: Sequence[str] | None, own: Mapping[str, Policy]) -> dict[str, Policy]:
    """Return the policies to compare: those named, else the file's, else the ready-made ones."""
    found = named_policies(names, own)
    return {name: named_policy(name, own) for name in READY_MADE} if found is None else found


def named_policies(
    names: Sequence[str] | None, own: Mapping[str, Policy]
) -> dict[str, Policy] | None:
    """Return the policies named, else the file's; None where there are neither."""
    wanted = names or list(own)
    return {name: named_policy(name, own) for name in wanted} if wanted else None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
