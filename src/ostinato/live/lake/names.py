"""Names of columns and tables as Delta and folders allow them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

IN_COLUMNS: Final = re.compile(r"[ ,;{}()\n\t=]")
"""What names of a Delta table's columns must not hold."""

IN_PATHS: Final = re.compile(r"[^A-Za-z0-9_-]")
"""What names of folders do not hold here: most of it some system or tool takes otherwise."""


def clean_names(prefix: str, names: Sequence[str], forbidden: re.Pattern[str]) -> list[str]:
    """Return a name for each, behind a prefix: itself where it is allowed and not taken.

    >>> clean_names("input_", ["x y", "count", "COUNT"], IN_COLUMNS)
    ['input_x_y', 'input_count', 'input_COUNT_2']
    """
    found: list[str] = []
    taken: set[str] = set()
    for place, name in enumerate(names):
        clean = f"{prefix}{forbidden.sub('_', name)}"
        # Delta does not tell upper case from lower case.
        unique = f"{clean}_{place}" if clean.lower() in taken else clean
        taken.add(unique.lower())
        found.append(unique)
    return found
