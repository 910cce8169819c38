"""Run a module as a child that does not outlive its parent.

``python -P -m ostinato.live.launch PARENT MODULE [ARGUMENT ...]``: when the process PARENT is
killed, nobody is left who would stop the child, and a new service would meet it on its port.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with(parent: int) -> None:
    """Have this process killed when its parent dies; at once if it is dead already.

    On Linux the kernel does it; elsewhere a thread looks twice a second.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _leave_if_orphaned(parent)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module as such a child of this process."""
    # -P: files in the folder one happens to stand in must not take the place of packages.
    launch = ["-P", "-m", "ostinato.live.launch", str(os.getpid())]
    return [sys.executable, *launch, module, *arguments]


def _watch(parent: int) -> None:
    while True:
        _leave_if_orphaned(parent)
        threading.Event().wait(0.5)


def _leave_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Run the module as if it had been called with ``python -m``."""
    parent, module, *rest = arguments
    die_with(int(parent))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
