"""A whole service for tests: real processes of `ostinato serve`, real HTTP, a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import OstinatoError
from ostinato.live.client import Client, RefusedError, UnreachableError
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Published, Status, read
from ostinato.live.service import free_port
from ostinato.stores.journal_sqlite import SqliteJournal

LOOP = '''
"""A loop whose learner, and whose trained versions, misbehave when a file beside it says so."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import ostinato as ost

HERE = Path(__file__).parent


def said(name):
    path = HERE / name
    return path.read_text() if path.exists() else ""


class Moody(LogisticRegression):
    def fit(self, x, y, sample_weight=None):
        what = said("fit")
        if what == "raise":
            raise ValueError("the learner does not like Mondays")
        if what == "hang":
            time.sleep(600)
        if what == "eat":
            eaten = np.ones(100_000_000)  # 800 MB
            time.sleep(600)
        if what == "die once":
            (HERE / "fit").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        self.name_ = said("name")
        return super().fit(x, y, sample_weight)

    def predict_proba(self, x):
        who, _, what = said("predict").partition(" ")
        if who and who == self.name_:
            if what == "raises":
                raise ValueError("the version does not like Mondays")
            if what == "hangs":
                time.sleep(600)
            if what == "nan":
                return np.full((len(x), 2), np.nan)
        return super().predict_proba(x)


loop = ost.Loop(
    name="whole", task="binary", time="asked", features=["a", "b"], id="id",
    label=ost.Label("y", time="known", horizon="20s"),
    learner=Moody() if said("moody") else LogisticRegression(),
    policy=ost.Policy(
        triggers=[], cooldown="1s", holdout="10s", gates=[], max_retrains=10_000,
        rollout=ost.Immediate(watch=None),
    ),
)
'''


def write_history(path, rows=1_500):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    asked = np.datetime64("now", "us") - (rows - np.arange(rows)) * np.timedelta64(1, "s")
    pl.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "asked": pl.Series(asked).cast(pl.Datetime("us", "UTC")),
            "known": pl.Series(asked + np.timedelta64(2, "s")).cast(pl.Datetime("us", "UTC")),
            "a": a,
            "b": b,
            "y": (a + b + rng.normal(size=rows) > 0).astype(int),
        }
    ).write_parquet(path)


class Whole:
    """A service in a folder: started, asked, stopped, started again."""

    def __init__(self, home, folder=None, *, moody=False, **options):
        self.home, self.layout = home, Layout(folder or home / "service")
        self.options = {"tick": "300ms", "autonomy": "auto", **options}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        (home / "whole.py").write_text(LOOP)
        if moody:
            self.say("moody", "yes")
        write_history(home / "history.parquet")

    # -- the processes

    def start(self, *, ready=True):
        command = [sys.executable, "-m", "ostinato.cli.main", "serve", str(self.home / "whole.py")]
        command += ["--dir", str(self.layout.folder), "--port", str(self.port)]
        if not self.layout.schema.exists():
            command += ["--data", str(self.home / "history.parquet")]
        for name, value in self.options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        with self.said.open("a") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said)
        if ready:
            self.until(self.ready)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def end(self):
        """Leave nobody behind: the others die with the supervisor."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def said(self):
        return self.home / "said.txt"

    def pid(self, name):
        alive = read(self.layout.run / f"{name}.json", Alive)
        return None if alive is None else alive.pid

    def kill(self, name):
        os.kill(self.pid(name), signal.SIGKILL)

    def until(self, condition, seconds=60, why=""):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{why or 'it did not come about'}: {self.told()}"
            time.sleep(0.05)
        return found

    def told(self):
        """Return the last lines that the service said."""
        return "\n".join(self.said.read_text().splitlines()[-30:])

    # -- HTTP

    def ready(self):
        assert self.process.poll() is None, self.told()
        with suppress(OstinatoError):
            self.get("/v2/health/ready")
            return True
        return False

    def get(self, path):
        with Client(self.url, timeout_s=10) as client:
            return client.get(path)

    def post(self, what, body):
        with Client(self.url, timeout_s=30) as client:
            return client.post(f"/loops/whole/{what}", body)

    def predict(self, prediction_id=None, a=0.5):
        body = {"inputs": {"a": a, "b": -0.2}}
        body |= {} if prediction_id is None else {"prediction_id": prediction_id}
        return self.post("predict", body)

    def refusal(self, prediction_id=None):
        """Return what a prediction is refused with; None: it is answered."""
        try:
            self.predict(prediction_id)
        except RefusedError as error:
            return error
        except UnreachableError:
            return None
        return None

    def act(self, act, **more):
        return self.post(act, {"reason": "a test", "who": "test", **more})

    # -- the folder

    def status(self):
        return read(self.layout.status, Status)

    def routes(self):
        return read(self.layout.routes, Published)

    def decisions(self, kind):
        with SqliteJournal(self.layout.journal, readonly=True) as journal:
            return [json.loads(each.body) for each in journal.entries() if each.kind == kind]

    def say(self, name, what):
        (self.home / name).write_text(what)

    def retrained(self, seconds=60):
        """Have it learn by hand; return the version that was promoted."""
        before = self.routes().epoch
        self.act("retrain")
        self.until(lambda: self.routes().epoch > before, seconds, "no new champion")
        self.until(lambda: self.get("/loops/whole")["gateway"]["epoch"] > before)
        return self.routes().champion

    def ostinato(self, *words):
        command = [sys.executable, "-m", "ostinato.cli.main", *words]
        command += ["--dir", str(self.layout.folder), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def make_whole(tmp_path):
    """Make services; what still runs at the end of the test is killed."""
    made = []

    def make(folder=None, **options):
        home = tmp_path / f"whole{len(made)}"
        home.mkdir()
        made.append(Whole(home, folder, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


class Load:
    """Clients that ask without a pause; a good client sends again what got no answer."""

    def __init__(self, whole, threads=3):
        self.whole, self.failed, self.answers = whole, [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, which):
        with Client(self.whole.url, timeout_s=20) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                body = {"inputs": {"a": 0.1, "b": 0.2}, "prediction_id": f"load{which}-{number}"}
                try:
                    sent = time.monotonic()
                    got = client.post("/loops/whole/predict", body)
                    self.answers.append((sent, time.monotonic(), got["version"], got["epoch"]))
                except OstinatoError as error:
                    self.failed.append(str(error))


@pytest.fixture
def load():
    return Load
