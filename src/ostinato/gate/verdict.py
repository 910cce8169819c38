"""What a gate is, what it is shown and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from ostinato.core.records import CandidateEvaluated, Floats, ValidationSet
from ostinato.gate.ledger import Usage

Word = Literal["pass", "inconclusive", "fail"]

SEVERITY: Final[dict[Word, int]] = {"pass": 0, "inconclusive": 1, "fail": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`verdict`: pass, fail or inconclusive; `evidence`: the numbers it rests on.

    `reason` ends with the smallest effect that would have shown. `spent` names validation sets
    whose re-use could by now hide what the gate asks for: they are retired after this candidate.
    """

    verdict: Word
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    spent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A candidate before the gates: its losses beside the champion's, per validation set.

    `sets` holds the rows that both answered and that still count; the golden rows of the hard set
    are one of their own, ``"golden"``. `champion_losses[name]` and `gains[name]` (champion's loss
    minus candidate's, > 0 where the candidate is better) have one finite value for each of them;
    `anchor_losses[name]`, where an older version was scored too, is NaN where that one did not
    answer. `usage` says what the rows have been through before, but for golden ones; of the sets in
    `withheld` (random, hard, and any whose rows were mostly judged on before) only the verdict may
    leave the gate.
    """

    evaluated: CandidateEvaluated
    sets: Mapping[str, ValidationSet]
    gains: Mapping[str, Floats]
    champion_losses: Mapping[str, Floats]
    group_names: tuple[str, ...]
    task: str
    anchor_losses: Mapping[str, Floats] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()


class Gate(Protocol):
    """One check of a candidate.

    Contract
    --------
    `judge` MUST depend on the case alone. It MUST NOT pass a candidate on the strength of rows that
    are too few to show what the gate asks for, unless the gate only asks that no harm is shown. Its
    evidence MUST NOT hold estimates from the sets in `case.withheld`; a replay derives them again.
    Of golden rows it MAY tell how many came out which way: people named them to be right on, so
    nobody learns from the count what should not be fitted.
    """

    @property
    def name(self) -> str:
        """How the journal calls it."""
        ...

    def judge(self, case: Case) -> Verdict:
        """Judge a candidate that has a champion to be compared with."""
        ...
