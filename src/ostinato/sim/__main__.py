"""``python -m ostinato.sim``."""

from __future__ import annotations

import sys

from ostinato.sim.command import main

if __name__ == "__main__":
    sys.exit(main())
