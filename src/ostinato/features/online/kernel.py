"""How functions of the store are compiled: kept on disk, and without counted references.

None of them makes an array, so that there is nothing to count, and counting for every array at
every call takes a third of the time. One that did make an array would not compile.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, _nrt=False)  # type: ignore[call-overload] # not in its types
