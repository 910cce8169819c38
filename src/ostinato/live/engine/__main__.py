"""Run the engine of a folder: ``python -m ostinato.live.engine FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from ostinato.core.errors import InputError, LoopError, OstinatoError, TamperedError
from ostinato.live.engine.process import run_engine, say
from ostinato.live.layout import Layout


def main(arguments: list[str]) -> int:
    """Run until told to stop; return the exit code.

    2 where the folder or loop cannot be used, however often it is tried; 1 where it may go better
    next time: a full disk, a lock.
    """
    try:
        run_engine(Layout(Path(arguments[0])))
    except OstinatoError as error:
        say(str(error))
        return 2 if isinstance(error, InputError | LoopError | TamperedError) else 1
    except OSError as error:  # a file beside the stores: a full disk, a folder set read-only
        say(f"A file could not be written; was: {error}. hint: Check the disk and the permissions.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
