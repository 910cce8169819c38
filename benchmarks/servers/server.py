"""One way to serve the model: how it is started and asked, and what its answer means."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.environments import Environments
from servers.world import World

APPS = Path(__file__).parent / "apps"
BENCHMARKS = APPS.parents[1]
OURS, BEST, PEER = "ours", "best case", "peer"
DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a server may need to start: the environments, the world, a folder of its own."""

    environments: Environments
    world: World
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One way to serve the model.

    command: from site and port to the command line.
    body: from a row to the JSON body of a request; `score`: from the answer's JSON to its score.
    same_model: whether it answers with the model of the world (ours trains its own).
    """

    name: str
    kind: str
    command: Callable[[Site, int], Sequence[str]]
    path: str
    body: Callable[[Sequence[float]], Any]
    score: Callable[[Any], float]
    environment: str = ""
    package: str = ""
    same_model: bool = True
    note: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def bodies(self, rows: Sequence[Sequence[float]]) -> list[bytes]:
        return [json.dumps(self.body(row)).encode() for row in rows]

    def environ(self, site: Site) -> dict[str, str]:
        """One thread for the arithmetic; nothing that phones home; byte code kept."""
        own = {name: value for name, value in os.environ.items() if name not in DROPPED}
        own |= dict.fromkeys(ONE_THREAD, "1") | QUIET | dict(self.settings)
        own["SERVED_MODEL"] = str(site.world.model)
        if self.kind == OURS:
            kept = os.environ.get("PYTHONPATH", "")
            own["PYTHONPATH"] = os.pathsep.join(filter(None, (str(BENCHMARKS), kept)))
            return own
        bin_folder = site.environments.python(self.environment).parent
        return own | {"PYTHONPATH": str(APPS), "PATH": f"{bin_folder}{os.pathsep}{own['PATH']}"}

    def version(self, site: Site) -> str:
        if self.kind == OURS:
            return ""
        return f"{self.package} {site.environments.version(self.environment, self.package)}"
