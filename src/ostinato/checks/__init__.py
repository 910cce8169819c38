"""Conformance suites: they tell whether an adapter keeps the contract of its port.

In: a function that makes a new, empty adapter, and for adapters on disk one that opens again what
an adapter left there. Out: nothing, or an `AssertionError` that names the broken contract line.
State kept: none.

Whoever writes an adapter calls the suite of its port from a test:

>>> from ostinato.checks import check_clock
>>> from ostinato.core.clock import VirtualClock
>>> check_clock(VirtualClock)
"""

from ostinato.checks.clock import check_clock
from ostinato.checks.eventlog import check_eventlog
from ostinato.checks.journal import check_journal
from ostinato.checks.registry import check_registry

__all__ = ["check_clock", "check_eventlog", "check_journal", "check_registry"]
