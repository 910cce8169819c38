"""A user's loop file: the loop in it, and the data and policies it may bring."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from ostinato.core.errors import ConfigError, InputError, OstinatoError
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.loop.suited import placed, with_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopFile:
    """What a loop file declares.

    Parameters
    ----------
    path
        The file.
    loop
        The loop chosen.
    policies
        Its ``POLICIES``; empty when it has none.
    module
        The file as a module; `data_of` asks it for default data.
    """

    path: Path
    loop: Loop
    policies: Mapping[str, Policy]
    module: ModuleType


def load_loop(target: str, *, read_suite: bool = True) -> LoopFile:
    """Load ``FILE`` or ``FILE:LOOP``, and the validation suite that the loop names.

    Parameters
    ----------
    target
        Path of a Python file, and after a colon the variable or the name of one of its loops.
    read_suite
        Whether the suite is read; else its path stays in the loop, meant from the file's folder.

    Returns
    -------
    LoopFile

    Raises
    ------
    InputError
        If there is no such file, it cannot be run, or it does not say which loop; or its suite
        cannot be read.
    """
    path, wanted = _split(target)
    module = _run(path)
    loop = placed(_choose(module, wanted, path), path.parent.absolute())
    return LoopFile(
        path=path,
        loop=with_suite(loop) if read_suite else loop,
        policies=_policies(module, path),
        module=module,
    )


def data_of(file: LoopFile, given: Path | None) -> Any:
    """Return the data to use: what was given, else the file's ``data()`` or ``DATA``.

    A relative path in ``DATA`` is meant from the file's folder.

    Raises
    ------
    InputError
        If there is neither.
    """
    if given is not None:
        return given
    make = getattr(file.module, "data", None)
    if callable(make):
        return _guarded(make, file.path)
    found = getattr(file.module, "DATA", None)
    if found is None:
        raise InputError(
            "There is no data",
            expected=f"--data PATH, or data() or DATA in {file.path.name}",
            hint="Add --data history.parquet.",
        )
    return file.path.parent / found if isinstance(found, str | Path) else found


def _split(target: str) -> tuple[Path, str | None]:
    path, wanted = Path(target), None
    if not path.exists() and ":" in target:
        before, _, wanted = target.rpartition(":")
        path = Path(before)
    if not path.is_file():
        raise InputError(
            "The loop file does not exist",
            found=str(path),
            expected="a Python file that declares a Loop",
            hint="ostinato init DATA writes one.",
        )
    return path, wanted or None


class _AsWritten(SourceFileLoader):
    """Reads the file itself, not what was compiled of it: it may have changed a moment ago."""

    def path_stats(self, path: Any) -> Any:
        raise OSError(f"compiled copies of {path} are not used")


def _run(path: Path) -> ModuleType:
    name = f"ostinato_loop_file_{path.stem}"
    if path.suffix != ".py":
        raise InputError(
            "The loop file is not Python", found=str(path), expected="a name that ends in .py"
        )
    spec = spec_from_file_location(name, path, loader=_AsWritten(name, str(path)))
    assert spec is not None, "a loader was given"
    module = module_from_spec(spec)
    sys.modules[name] = module  # classes declared in the file must be found again when pickled
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as if the file were run as a script: its neighbours import
    _guarded(lambda: spec.loader.exec_module(module) if spec.loader else None, path)
    return module


def _guarded(call: Any, path: Path) -> Any:
    """Run code of the user's file; whatever it raises is the file's error, told with its line."""
    try:
        return call()
    except OstinatoError:
        raise
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in extract_tb(error.__traceback__) if Path(f.filename) == path]
        where = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        raise InputError(
            f"The loop file {path} failed" + (f" in line {where}" if where else ""),
            found=f"{type(error).__name__}: {error}",
            expected="a file that runs",
            hint=f"Run python {path} to see the whole traceback.",
        ) from error


def _choose(module: ModuleType, wanted: str | None, path: Path) -> Loop:
    loops = {name: value for name, value in vars(module).items() if isinstance(value, Loop)}
    if wanted is not None:
        chosen = [loop for name, loop in loops.items() if wanted in (name, loop.name)]
    else:
        chosen = list({id(loop): loop for loop in loops.values()}.values())
    if len(chosen) >= 1 and (wanted is not None or len(chosen) == 1):
        return chosen[0]
    raise InputError(
        f"{path} does not say which loop",
        found=", ".join(loops) or "no Loop at top level",
        expected=f"a loop called {wanted!r}" if wanted else "one Loop at top level",
        hint=f"Choose one: {path}:{next(iter(loops))}."
        if loops
        else "Declare: loop = ost.Loop(...).",
    )


def _policies(module: ModuleType, path: Path) -> Mapping[str, Policy]:
    found = getattr(module, "POLICIES", {})
    sound = isinstance(found, Mapping) and all(isinstance(p, Policy) for p in found.values())
    if not sound:
        raise ConfigError(
            f"POLICIES in {path} is no table of policies",
            found=repr(found)[:80],
            expected='{"name": ost.policies.triggered(), ...}',
        )
    return {str(name): policy for name, policy in found.items()}
