"""What of a comparison may leave the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ostinato.gate.verdict import Case

WITHHELD: Final = "estimates of rows that are judged on again"
"""What stands in the place of facts that are kept inside."""
_BITS: Final = (
    "rows",
    "wanted",
    "clusters",
    "bar",
    "tolerance",
    "limit",
    "smallest_visible",
    "verdict",
    "reuse_bound",
)


def told(case: Case, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a validation set that may be told, with the ledger of its use.

    Of rows that are judged on again and again the estimates stay inside: each one told would help
    to fit them. They are not lost, a replay of the same journal derives them again.
    """
    usage = case.usage.get(name)
    ledger = {} if usage is None else {"ledger": usage.facts()}
    if name not in case.withheld:
        return {**facts, **ledger}
    kept = {fact: value for fact, value in facts.items() if fact in _BITS}
    return {**kept, "withheld": WITHHELD, **ledger}
