"""Many seeds: in processes of their own, with progress, and with what only many can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Final

from ostinato.core.clock import Stopwatch
from ostinato.sim.alarms import check_alarms
from ostinato.sim.elsewhere import elsewhere
from ostinato.sim.faults import FAULTS
from ostinato.sim.planted import SOUND, Planted
from ostinato.sim.run import simulate
from ostinato.sim.verdict import Finding, Outcome, Verdict

_CHUNK: Final = 25
_ELSEWHERE_EVERY: Final = 200
"""Every so many seeds one is run again in a process that hashes text in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What many seeds came to: those that failed, and findings over all of them."""

    seeds: int
    failed: Sequence[Verdict]
    findings: Sequence[Finding]
    counts: dict[str, int]
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """The worst there is: a crash, else something wrong, else something stuck."""
        worst: set[Outcome] = {verdict.outcome for verdict in self.failed}
        if self.findings:
            worst.add("wrong")
        order: tuple[Outcome, ...] = ("crash", "wrong", "stuck")
        return next((each for each in order if each in worst), "ok")

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as a JSON-ready object."""
        return {
            "seeds": self.seeds,
            "outcome": self.outcome,
            "failed": [verdict.to_dict() for verdict in self.failed],
            "findings": [{"checker": f.checker, "text": f.text} for f in self.findings],
            "counts": self.counts,
            "seconds": round(self.seconds, 1),
        }


def run_seeds(
    seeds: Sequence[int],
    *,
    ticks: int,
    planted: Planted = SOUND,
    workers: int = 1,
    say: Callable[[str], None],
) -> Summary:
    """Run seeds and judge them one by one and together; `say` hears how far it is."""
    watch, counts, failed = Stopwatch(), Counter[str](), list[Verdict]()
    chunks = [seeds[at : at + _CHUNK] for at in range(0, len(seeds), _CHUNK)]
    done = 0
    with watch:
        for verdicts in _verdicts(chunks, ticks, planted.name, workers):
            for verdict in verdicts:
                counts.update(verdict.counts)
                if verdict.outcome != "ok":
                    failed.append(verdict)
                    say(f"seed {verdict.seed}: {verdict.outcome}: {verdict.findings[0].text}")
            done += len(verdicts)
            say(f"{done:,} of {len(seeds):,} seeds, {len(failed)} failed")
    return Summary(
        seeds=len(seeds),
        failed=failed,
        findings=check_alarms(counts),
        counts=dict(sorted(counts.items())),
        seconds=watch.wall_seconds,
    )


def _verdicts(
    chunks: Sequence[Sequence[int]], ticks: int, fault: str, workers: int
) -> Iterator[list[Verdict]]:
    if workers <= 1:
        for chunk in chunks:
            yield _chunk(chunk, ticks, fault)
        return
    # Fresh processes: a fork would share what its parent had open.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        many = len(chunks)
        yield from pool.map(_chunk, chunks, [ticks] * many, [fault] * many)


def _chunk(seeds: Sequence[int], ticks: int, fault: str) -> list[Verdict]:
    planted = FAULTS[fault] if fault else SOUND
    found = []
    for seed in seeds:
        verdict = simulate(seed, ticks=ticks, planted=planted)
        if verdict.outcome == "ok" and seed % _ELSEWHERE_EVERY == _ELSEWHERE_EVERY - 1:
            verdict = elsewhere(verdict, ticks=ticks, fault=fault)
        found.append(verdict)
    return found
