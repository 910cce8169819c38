"""Simulation: the whole loop in a made-up world, from one seed, with everything that goes wrong.

In: a seed. Out: a `Verdict`. State kept: none; the run's stores lie in a temporary folder.

`world` draws what will happen (`concept`, `traffic`, `truth`, `misfortune`, `policies`); `runtime`
runs the real kernel over the real stores and dies where the world says; `observe` writes down what
was seen, `checkers` judge it; `planted` holds defects that the checkers must catch.
"""

from ostinato.sim.run import simulate
from ostinato.sim.verdict import EXIT_CODES, Finding, Verdict

__all__ = ["EXIT_CODES", "Finding", "Verdict", "simulate"]
