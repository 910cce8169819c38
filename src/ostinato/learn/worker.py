"""The process in which a learner with a time limit runs: `worker <folder> <seconds>`.

In the folder it finds `job`, and leaves `answer` (the model and its cost, or our error) or, at the
limit, `where` (where the learner was). One of the places that catches everything: what it cannot
say in `answer` the parent reads from the exit code.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from ostinato.core.errors import LearnerError, OstinatoError
from ostinato.learn.limits import Job, run
from ostinato.learn.shipping import dump_by_value


def main() -> None:
    """Train the job of the folder named on the command line."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    os.dup2(2, 1)  # what the learner prints is no output of ours
    answer = _answer((folder / "job").read_bytes(), folder / "where", seconds)
    unfinished = folder / "unfinished"
    unfinished.write_bytes(answer)
    unfinished.replace(folder / "answer")


def _answer(data: bytes, where: Path, seconds: float) -> bytes:
    try:
        job: Job = pickle.loads(data)  # noqa: S301 - written by our parent
    except Exception as error:  # noqa: BLE001 - the user's class can need anything to be read
        return pickle.dumps(_unreadable(error))
    # The watchdog is C: it also ends a learner that never lets go of the interpreter.
    with where.open("w") as file:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            answer: Any = run(job)
        except OstinatoError as error:
            answer = error
        finally:
            faulthandler.cancel_dump_traceback_later()
    try:
        return dump_by_value(answer, [job.learner])
    except LearnerError as error:  # the fitted estimator cannot be sent back
        return pickle.dumps(error)


def _unreadable(error: Exception) -> LearnerError:
    return LearnerError(
        "The learner cannot be read in another process",
        found=f"{type(error).__name__}: {error}",
        expected="an estimator whose module can be imported",
        hint="Put its class into a module or into the loop file, or train it without a time limit.",
    )
