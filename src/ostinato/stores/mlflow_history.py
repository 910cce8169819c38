"""The history of aliases, kept in tags of the registered model.

MLflow's aliases know where they point, not since when. A table of our own would need a database
beside each MLflow server, tags on versions are lost with the version, one tag per move would fill
the model's page: so the moves of an alias stand in few tags, some hundred moves in each, one
"<nanoseconds> <version>" per line. Adding a move sets one tag, which MLflow does as a whole or not
at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ostinato.core.errors import ConfigError, StoreError
from ostinato.stores.alias_moves import Move
from ostinato.stores.version_text import checked_name

TAG_CHARACTERS_MAX: Final = 4_000
"""Longest text of one tag. Larger: older MLflow servers refuse it (5,000). Smaller: more tags."""

_PREFIX: Final = "ostinato.history."
_ALIAS: Final = re.compile(r"(?!(?i:latest|v\d+)$)[A-Za-z0-9_-]+")


def checked_alias(alias: str) -> str:
    """Return an alias that MLflow can keep.

    Raises
    ------
    ConfigError
        If MLflow reserves it or has no such names.
    """
    checked_name(alias, what="alias")
    if _ALIAS.fullmatch(alias) is None:
        raise ConfigError(
            "The name of the alias cannot be used",
            found=ascii(alias),
            expected='letters, digits, "_" and "-", but neither "latest" nor "v1", "v2", ...',
            hint="MLflow keeps those names for itself.",
        )
    return alias


def read_moves(tags: Mapping[str, str]) -> list[Move]:
    """Return the moves that a registered model's tags tell, oldest first for each alias.

    Raises
    ------
    StoreError
        If a tag holds something else.
    """
    return [
        _move(key, line)
        for key in sorted(tags)
        if key.startswith(_PREFIX)
        for line in tags[key].split("\n")
    ]


def tag_with(tags: Mapping[str, str], move: Move) -> tuple[str, str]:
    """Return the tag (key, value) to set so that the history has one move more."""
    prefix = f"{_PREFIX}{move.alias}."
    blocks = sorted(key for key in tags if key.startswith(prefix))
    line = f"{move.ts_event_ns} {move.version}"
    if blocks:
        longer = f"{tags[blocks[-1]]}\n{line}"
        if len(longer) <= TAG_CHARACTERS_MAX:
            return blocks[-1], longer
    return f"{prefix}{len(blocks):04d}", line


def _move(key: str, line: str) -> Move:
    alias = key.removeprefix(_PREFIX).rpartition(".")[0]
    ts_event_ns, _, version = line.partition(" ")
    try:
        return Move(alias=alias, version=version, ts_event_ns=int(ts_event_ns))
    except ValueError as error:
        raise StoreError(
            "The history of the aliases cannot be read",
            found=f"{line!r} in the tag {key} of the registered model",
            expected="a time in nanoseconds, a space and a version on each line",
            hint="Was the tag changed by hand? Put back what it held.",
        ) from error
