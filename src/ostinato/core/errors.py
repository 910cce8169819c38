"""The error tree. Every error of Ostinato is an `OstinatoError`; the command line exits with 2.

```
OstinatoError
├── InputError            the user's data, file or arguments are not usable
│   ├── DataError         a table: columns, times, ids, labels, values
│   └── ConfigError       a declaration: loop, label, policy, trigger, gate, rollout
├── LearnerError          the user's learner raised, hung or answered nonsense
├── StoreError            a journal, log or registry could not be read or written
│   ├── TamperedError     content does not match its hash
│   └── TruncatedError    the end of a store is missing or torn
└── LoopError             the loop cannot go on (no champion could be trained, unknown version)
```

A message says what was wrong, the value found, what was expected and the next step. It is put
together here, from facts, so that all of them read alike and the facts stay available as
attributes.
"""

from __future__ import annotations


class OstinatoError(Exception):
    """Root of all errors raised on purpose.

    Parameters
    ----------
    what
        What is wrong, with the name of the thing.
    found
        The value found, as the user would recognise it.
    expected
        What would have been right.
    hint
        The next step.
    """

    def __init__(
        self,
        what: str,
        *,
        found: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what, self.found, self.expected, self.hint = what, found, expected, hint
        super().__init__(what)

    def __str__(self) -> str:
        parts = [self.what.rstrip(".")]
        if self.found is not None:
            parts.append(f"was: {self.found}")
        if self.expected is not None:
            parts.append(f"expected: {self.expected}")
        text = "; ".join(parts) + "."
        return f"{text}\nhint: {self.hint}" if self.hint else text

    def to_dict(self) -> dict[str, str | None]:
        """Return the facts as a JSON-ready object (`--json` prints it)."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "found": None if self.found is None else str(self.found),
            "expected": self.expected,
            "hint": self.hint,
        }


class InputError(OstinatoError):
    """The user's data, file or arguments are not usable."""


class DataError(InputError):
    """A table cannot be used: its columns, times, ids, labels or values are wrong."""


class ConfigError(InputError):
    """A declaration is wrong or contradicts itself."""


class LearnerError(OstinatoError):
    """The user's learner raised, hung, or answered with the wrong shape or values."""


class StoreError(OstinatoError):
    """A store could not be read or written."""


class TamperedError(StoreError):
    """Stored content does not match its hash."""


class TruncatedError(StoreError):
    """The end of a store is missing or torn."""


class LoopError(OstinatoError):
    """The loop cannot go on."""
