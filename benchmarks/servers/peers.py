"""Who is compared: our service, two best cases written by hand, and the peers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from servers.server import APPS, BEST, OURS, PEER, Server, Site
from servers.world import FEATURES

LOOPS = Path(__file__).parent / "loops"


def _script(environment: str, name: str, *arguments: str) -> Callable[[Site, int], list[str]]:
    def command(site: Site, port: int) -> list[str]:
        python = site.environments.python(environment)
        return [str(python), str(APPS / name), str(port), *arguments]

    return command


def _granian(site: Site, port: int) -> list[str]:
    program = site.environments.python("handrolled").parent / "granian"
    told = ("--interface", "rsgi", "--workers", "1", "--no-ws", "--log-level", "warning")
    return [str(program), *told, "--host", "127.0.0.1", "--port", str(port), "granian_app:app"]


def _bento(service: str) -> Callable[[Site, int], list[str]]:
    def command(site: Site, port: int) -> list[str]:
        program = str(site.environments.python("bentoml").parent / "bentoml")
        where = ("--host", "127.0.0.1", "--port", str(port))
        return [program, "serve", f"bento_app:{service}", *where]

    return command


def _mlflow(site: Site, port: int) -> list[str]:
    # Saved once by `prepare`; one worker in this very environment.
    model = mlflow_model(site)
    program = str(site.environments.python("mlflow").parent / "mlflow")
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    return [program, "models", "serve", "-m", str(model), "--env-manager", "local", *where]


def mlflow_model(site: Site) -> Path:
    """Where the model in MLflow's format lies (beside the world's, named after it)."""
    return site.world.model.with_suffix(".mlflow")


def ours(
    *, durability: str = "", loop: str = "steady", tick: str = "1s", gateways: int = 1
) -> Server:
    """Our own service: log, routing and monitoring on; a tick a second, so that a window has some.

    A tick of a minute would leave the monitoring out of most windows of a few seconds.
    """

    def command(site: Site, port: int) -> list[str]:
        program = (sys.executable, "-m", "ostinato.cli.main")
        serve = ("serve", f"{LOOPS / loop}.py:loop", "--data", str(site.world.history))
        where = ("--dir", str(site.folder / "state"), "--port", str(port))
        how = ["--tick", tick, "--gateways", str(gateways), "--autonomy", "auto"]
        how += ["--durability", durability] if durability else []
        return [*program, *serve, *where, *how]

    return Server(
        name=f"ostinato, {durability}" if durability else "ostinato",
        kind=OURS,
        command=command,
        path="/loops/bench/predict",
        body=lambda row: {"inputs": dict(zip(FEATURES, row, strict=True))},
        score=lambda answer: answer["score"],
        same_model=False,
        note=f"{durability or 'durable'} log, routing, monitoring every {tick}",
    )


def _plain(row: Sequence[float]) -> Any:
    return {"features": list(row)}


def _hand(name: str, kind: str, **rest: Any) -> Server:
    fields = {"path": "/predict", "body": _plain, "score": lambda answer: answer["score"]}
    return Server(name=name, kind=kind, **(fields | rest))


def _bentoml(name: str, service: str, note: str) -> Server:
    return _hand(
        name,
        PEER,
        environment="bentoml",
        package="bentoml",
        command=_bento(service),
        body=lambda row: {"rows": [list(row)]},
        score=lambda answer: answer[0],
        note=note,
    )


def _scripted(name: str, app: str, argument: str, note: str, **rest: Any) -> Server:
    environment = rest["environment"]
    return _hand(name, PEER, command=_script(environment, app, argument), note=note, **rest)


_FASTAPI = {"environment": "fastapi", "package": "fastapi"}
_RAY = {"environment": "rayserve", "package": "ray", "path": "/"}
_LIT = {"environment": "litserve", "package": "litserve"}

OTHERS = (
    _hand(
        "granian best case",
        BEST,
        environment="handrolled",
        package="granian",
        command=_granian,
        note="RSGI, msgspec, compiled trees; nothing logged",
    ),
    _hand(
        "bare best case",
        BEST,
        environment="handrolled",
        package="uvloop",
        command=_script("handrolled", "bare_app.py"),
        note="asyncio, httptools, uvloop, msgspec, compiled trees in batches; nothing logged",
    ),
    Server(
        name="mlflow models serve",
        kind=PEER,
        environment="mlflow",
        package="mlflow",
        command=_mlflow,
        path="/invocations",
        body=lambda row: {"inputs": [list(row)]},
        score=lambda answer: answer["predictions"][0][1],
        note="one worker, local environment",
    ),
    _bentoml("BentoML", "Plain", "one worker"),
    _bentoml("BentoML, batching", "Batched", "one worker, adaptive batching"),
    _scripted("Ray Serve", "ray_app.py", "plain", "one replica and the proxy", **_RAY),
    _scripted(
        "Ray Serve, batching", "ray_app.py", "batched", "@serve.batch without a wait", **_RAY
    ),
    _scripted("LitServe", "lit_app.py", "plain", "one worker", **_LIT),
    _scripted("LitServe, batching", "lit_app.py", "batched", "batches of 64 or 2 ms", **_LIT),
    _scripted("FastAPI async def", "fastapi_app.py", "async", "uvicorn, one worker", **_FASTAPI),
    _scripted("FastAPI def", "fastapi_app.py", "def", "uvicorn, one worker, threads", **_FASTAPI),
)


def servers(gateways: int = 1) -> list[Server]:
    """All that are compared; `gateways` of ours, while the others have a worker each."""
    return [ours(gateways=gateways), ours(durability="async", gateways=gateways), *OTHERS]


def prepare(server: Server, site: Site) -> None:
    """Do what is to be done once before a server's first start; may install its environment."""
    if server.command is _mlflow and not mlflow_model(site).exists():
        command = [site.environments.python("mlflow"), APPS / "mlflow_save.py", mlflow_model(site)]
        subprocess.run(command, env=server.environ(site), check=True, capture_output=True)
    elif server.environment:
        site.environments.python(server.environment)
