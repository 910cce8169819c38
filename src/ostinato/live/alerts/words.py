"""Evidence in words and numbers, for people who have not read a design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(value: float) -> str:
    """Write a number with as many digits as people take in.

    >>> number(0.123456), number(1234.5), number(12345678.0)
    ('0.1235', '1,234', '12,345,678')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def evidence_in_words(evidence: Mapping[str, Any]) -> str:
    """Say what an alarm rests on: value, reference, difference, and how sure that is.

    >>> evidence_in_words({"value": 0.31, "reference": 0.1, "low": 0.17, "high": 0.25,
    ...     "floor": 0.05, "log10_e": 9.12, "threshold": 5.4})
    '0.31 against 0.1; difference 0.17 to 0.25, of which 0.05 would not matter; evidence 10^9.1 of 10^5.4 needed'
    """  # noqa: E501 - the line is what it returns
    parts = []
    if _has(evidence, "value", "reference"):
        parts.append(f"{number(evidence['value'])} against {number(evidence['reference'])}")
    if _has(evidence, "low", "high"):
        floor = f", of which {number(evidence['floor'])} would not matter"
        told = floor if _has(evidence, "floor") and evidence["floor"] else ""
        parts.append(f"difference {number(evidence['low'])} to {number(evidence['high'])}{told}")
    if _has(evidence, "log10_e", "threshold"):
        parts.append(
            f"evidence 10^{evidence['log10_e']:.1f} of 10^{evidence['threshold']:.1f} needed"
        )
    return "; ".join(parts)


def _has(evidence: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(evidence.get(name), int | float) for name in names)
