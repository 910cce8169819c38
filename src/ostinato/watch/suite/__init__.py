"""Validation suites: what tables of a loop look like, inferred from history and kept in a file.

In: tables. Out: a `SuiteReport`: what was expected, what was found. State kept: none; a `Suite` is
plain values, read from and written to a file that people edit (`text`, `reading`). Trainings are
guarded by it, whoever runs them. `infer` reads bounds off a table, `judge` holds one against them,
`changes` tells two suites apart, `pandera` hands the same expectations to other pipelines.
"""

from ostinato.watch.suite.report import Finding, SuiteReport
from ostinato.watch.suite.suite import Suite

__all__ = ["Finding", "Suite", "SuiteReport"]
