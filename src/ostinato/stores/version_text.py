"""How a registered version is written down: its name, and its lineage as canonical JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ostinato.core.canonical import canonical_json
from ostinato.core.errors import ConfigError, StoreError
from ostinato.core.ports import Lineage

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@=+-]{0,127}")


def checked_name(name: str, *, what: str) -> str:
    """Return a name that is safe as a file name everywhere.

    Parameters
    ----------
    name
        1 to 128 letters, digits and ``. _ @ = + -``, not beginning with a dot or a dash.
    what
        What is named, for the message.

    Raises
    ------
    ConfigError
        If the name has other characters, for example a path separator.

    Examples
    --------
    >>> checked_name("v-2024.01", what="version")
    'v-2024.01'
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"The name of the {what} cannot be used",
            found=ascii(name),
            expected="1 to 128 letters, digits or . _ @ = + -, beginning with a letter or digit",
            hint="Leave out spaces and path separators.",
        )
    return name


def lineage_text(lineage: Lineage) -> str:
    """Write a lineage as canonical JSON: equal lineages, equal text."""
    return canonical_json(lineage)


def read_lineage(body: Mapping[str, Any]) -> Lineage:
    """Rebuild a lineage from its JSON object.

    Parameters are JSON types (a tuple was written as a list); metrics and costs are floats, NaN
    included.

    Raises
    ------
    StoreError
        If the object is not a lineage.
    """
    try:
        known = {field.name: body[field.name] for field in fields(Lineage)}
        known["metrics"] = {name: _numbers(group) for name, group in known["metrics"].items()}
        known["cost"] = _numbers(known["cost"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            "A lineage cannot be read",
            found=f"{type(error).__name__}: {error}",
            expected="what this release of Ostinato writes",
            hint="Was the file changed by hand or written by another release?",
        ) from error
    return Lineage(**known)


def parse_lineage(text: str) -> Lineage:
    """Rebuild a lineage from the text of `lineage_text`."""
    return read_lineage(json.loads(text))


def refused_version(version: str, what: str, found: str, expected: str) -> StoreError:
    """Make the error for a version that is registered with other content."""
    return StoreError(
        f"Version {version} is already registered with another {what}",
        found=found,
        expected=expected,
        hint="A version never changes: register the new content under a new name.",
    )


def unknown_version(version: str, known: list[str]) -> StoreError:
    """Make the error for a version that nobody registered."""
    return StoreError(
        f"Version {version} is not registered",
        expected=f"one of {', '.join(known[-10:])}" if known else "a registered version",
        hint="Register it first; versions() lists what is there.",
    )


def _numbers(group: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in group.items()}
