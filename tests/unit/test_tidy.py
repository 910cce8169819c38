"""What must never be in the package: clocks, chance, orders that change, shortcuts between modules.

Each finding reads ``path:line: what was found, what to use``. Places that may do otherwise stand
below, each with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "ostinato"

HOMES = {
    "time": "core/clock.py",
    "random": "core/rng.py",
    "uuid": "core/ids.py",
    "secrets": "core/ids.py",
    "numpy.random": "core/rng.py",
    "os.urandom": "core/rng.py",
}
"""What is banned, and the one file that may use it."""

NOW = ("now", "utcnow", "today")
PURE = ("core", "stats", "serve", "join", "watch", "decide", "learn", "gate", "release", "loop")
LISTINGS = ("listdir", "scandir", "walk", "glob", "iglob", "rglob", "iterdir")
ORDERLESS = ("sorted", "len", "set", "frozenset", "any", "all", "min", "max")
"""Calls whose result does not depend on the order of what they are given."""

ENVIRONMENT = {
    "learn/limits.py": "a child process gets its parent's environment; nothing is read",
}
CATCHERS = {
    "cli/main.py": "the edge of the process: it is printed, and ends with an exit code of its own",
    "features/rows/functions.py": "the user's function can raise anything; its row is told",
    "live/engine/background.py": "a thread that is gone would not be missed; it is told",
    "live/gateway/app.py": "the edge of a request: it is logged and answered with 500",
    "live/gateway/batcher.py": "whoever waits for an answer must be told, whatever happened",
    "live/gateway/committer.py": "the thread that commits must live; whoever waits is told",
    "live/gateway/following.py": "a follower that is gone would not be missed; it is told",
    "live/gateway/watch.py": "a user's class can raise anything when it is loaded; it is reported",
    "live/gateway/worker.py": "the user's code can raise anything; another version answers",
    "loop/loading.py": "a loop file is the user's code and can raise anything; it is reported",
    "learn/calls.py": "the learner is the user's code and can raise anything; the loop goes on",
    "learn/compiled/choose.py": "libraries change inside; the reason is told, the original serves",
    "learn/model.py": "the estimator is the user's code and can raise anything; serving falls back",
    "learn/shipping.py": "pickling the user's objects can raise anything; it is reported",
    "learn/worker.py": "the user's class can need anything to be read; it is reported",
    "stores/mlflow_client.py": "it can raise what SQL, HTTP, files and clouds raise; it is told",
    "stores/mlflow_versions.py": "MLflow's errors are told apart by their code; others go on",
    "stores/registry_mirror.py": "what was opened is closed whatever came; the error goes on",
    "stores/sqlite.py": "a transaction is rolled back whatever ended it; the error goes on",
}
"""Files that may catch everything, and what they do with it."""


@dataclass(frozen=True)
class Module:
    """One file: its path inside the package, its syntax tree, and who is whose parent."""

    path: str
    tree: ast.Module
    names: dict[str, str]
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def read(cls, path: str, text: str) -> Module:
        tree = ast.parse(text)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        return cls(path, tree, _imported_names(tree), parents)

    def full_name(self, node: ast.AST) -> str:
        """What a name or attribute stands for: ``np.random.rand`` is ``numpy.random.rand``."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.full_name(node.value)}.{node.attr}"
        return ""

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function_of(self, node: ast.AST) -> str:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return next((up.name for up in self.above(node) if isinstance(up, kinds)), "")


Finding = tuple[int, str]
Rule = Callable[[Module], Iterator[Finding]]


def _imported_names(tree: ast.Module) -> dict[str, str]:
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _inside(name: str, banned: str) -> bool:
    return name == banned or name.startswith(f"{banned}.")


def clock_and_chance(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        used: list[str] = []
        if isinstance(node, ast.Import):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            used = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            used = [module.full_name(node.func)]
        for name in used:
            for banned, home in HOMES.items():
                if _inside(name, banned) and module.path != home and not _is_type(name, node):
                    yield node.lineno, f"{name} was found, use ostinato.{_dotted(home)}"
            if isinstance(node, ast.Call) and _is_now(name) and module.path != HOMES["time"]:
                yield node.lineno, f"{name} was found, use ostinato.{_dotted(HOMES['time'])}"


def _is_type(name: str, node: ast.AST) -> bool:
    return name == "numpy.random.Generator" and not isinstance(node, ast.Call)


def _is_now(name: str) -> bool:
    *owner, last = name.split(".")
    return last in NOW and owner[-1:] in (["datetime"], ["date"])


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def environment(module: Module) -> Iterator[Finding]:
    if module.path.split("/")[0] not in PURE or module.path in ENVIRONMENT:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = module.full_name(node)
        if name in {"os.environ", "os.getenv"}:
            yield node.lineno, f"{name} was found, use an argument of the configuration"


def unsorted_listings(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = module.full_name(node.func).split(".")[-1]
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
        if name in LISTINGS and not _order_is_lost(module, node):
            yield node.lineno, f"{name}() was found, use sorted({name}())"


def sets_in_loops(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            continue
        if isinstance(node, ast.comprehension) and _order_is_lost(module, node):
            continue
        if _is_set(node.iter):
            yield node.iter.lineno, "iteration over a set was found, use sorted(...) or a dict"


def _order_is_lost(module: Module, node: ast.AST) -> bool:
    """Whether what a node gives goes, inside its statement, into something that sorts or counts."""
    below = node
    for up in module.above(node):
        if isinstance(up, ast.SetComp) or (
            isinstance(up, ast.Call)
            and isinstance(up.func, ast.Name)
            and up.func.id in ORDERLESS
            and below in up.args
        ):
            return True
        if isinstance(up, ast.stmt):
            return False
        below = up
    return False


def _is_set(node: ast.AST) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp):
        return _is_set(node.left) or _is_set(node.right)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        wraps = node.func.id in {"list", "tuple", "enumerate", "reversed", "iter"}
        return node.func.id in {"set", "frozenset"} or (wraps and any(map(_is_set, node.args)))
    combined = {"union", "intersection", "difference", "symmetric_difference"}
    return isinstance(node.func, ast.Attribute) and (
        node.func.attr in combined and _is_set(node.func.value)
    )


def own_imports(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "a relative import was found, use the full name"
            used = [node.module or ""]
        else:
            continue
        for name in used:
            if name == "ostinato":
                yield node.lineno, "the package's own root was found, use the module itself"
            if _inside(name, "ostinato") and module.function_of(node):
                yield node.lineno, f"{name} was imported in a function, use the top of the file"


def catch_alls(module: Module) -> Iterator[Finding]:
    if module.path in CATCHERS:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        for kind in kinds:
            name = "" if kind is None else module.full_name(kind).split(".")[-1]
            if name in {"", "Exception", "BaseException"}:
                yield node.lineno, f"except {name or ':'} was found, use the errors that can come"


RULES: tuple[Rule, ...] = (
    clock_and_chance,
    environment,
    unsorted_listings,
    sets_in_loops,
    own_imports,
    catch_alls,
)


def findings(path: str, text: str) -> list[str]:
    module = Module.read(path, text)
    found = sorted({finding for rule in RULES for finding in rule(module)})
    return [f"{path}:{line}: {what}" for line, what in found]


def test_package_is_tidy():
    paths = sorted(PACKAGE.rglob("*.py"))
    found = [
        f"src/ostinato/{line}"
        for path in paths
        for line in findings(path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8"))
    ]
    assert len(paths) > 100
    assert not found, "\n".join(["", *found])


def test_every_exception_from_the_rules_is_still_needed():
    without = [path for path in CATCHERS if "except" not in (PACKAGE / path).read_text("utf-8")]
    without += [
        path for path in ENVIRONMENT if "environ" not in (PACKAGE / path).read_text("utf-8")
    ]
    assert without == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import time", "time was found, use ostinato.core.clock"),
        ("from time import sleep", "time.sleep was found"),
        ("import random as chance", "use ostinato.core.rng"),
        ("import uuid", "use ostinato.core.ids"),
        ("from secrets import token_hex", "use ostinato.core.ids"),
        ("import numpy as np\nx = np.random.rand(3)", "numpy.random.rand was found"),
        ("import numpy.random as r\n", "use ostinato.core.rng"),
        ("from numpy import random", "use ostinato.core.rng"),
        ("from numpy.random import default_rng", "use ostinato.core.rng"),
        ("import numpy as np\nnp.random.Generator(np.random.PCG64(1))", "numpy.random.PCG64"),
        ("from datetime import datetime\ndatetime.now()", "use ostinato.core.clock"),
        ("import datetime as dt\ndt.datetime.utcnow()", "use ostinato.core.clock"),
        ("from datetime import date\nx = date.today()", "use ostinato.core.clock"),
        ("import os\nx = os.urandom(8)", "os.urandom was found"),
        ("import os\nx = os.environ['A']", "os.environ was found"),
        ("from os import getenv\nx = getenv('A')", "os.getenv was found"),
        ("import os\nfor x in os.listdir('.'): pass", "use sorted(listdir())"),
        ("from glob import glob\nx = [p for p in glob('*')]", "use sorted(glob())"),
        ("def f(path):\n    return list(path.iterdir())", "use sorted(iterdir())"),
        ("for x in {1, 2}: pass", "iteration over a set"),
        ("x = [y for y in set(z)]", "iteration over a set"),
        ("for x in set(a) - set(b): pass", "iteration over a set"),
        ("for i, x in enumerate({y for y in z}): pass", "iteration over a set"),
        ("for x in set(a).union(b): pass", "iteration over a set"),
        ("import ostinato as ost", "the package's own root"),
        ("from ostinato import replay", "the package's own root"),
        ("from . import thing", "a relative import"),
        ("def f():\n    from ostinato.core import ids", "imported in a function"),
        ("try: f()\nexcept Exception: pass", "except Exception was found"),
        ("try: f()\nexcept (ValueError, BaseException): pass", "except BaseException was found"),
        ("try: f()\nexcept: pass", "except : was found"),
    ],
)
def test_planted_violation_is_found_with_its_line(planted, found):
    lines = findings("join/planted.py", planted)
    assert any(found in line for line in lines), lines
    assert all(line.startswith("join/planted.py:") for line in lines)


@pytest.mark.parametrize(
    "allowed",
    [
        "import numpy as np\ndef f(rng: np.random.Generator) -> np.random.Generator: return rng",
        "from numpy.random import Generator",
        "from datetime import datetime, UTC\nx = datetime(2024, 1, 1, tzinfo=UTC)",
        "def f(state): return state.now()",
        "def f(path): return sorted(path.iterdir())",
        "def f(path): return sorted(p.name for p in path.glob('*') if p.is_dir())",
        "for x in sorted({1, 2}): pass",
        "x = sorted(y for y in {1, 2})",
        "x = len({y for y in set(z)})",
        "x = 3 in {1, 2}",
        "from ostinato.core import ids",
        "def f():\n    import sklearn",
        "try: f()\nexcept (ValueError, KeyError): pass",
        "timer = 3\nx = timer",
    ],
)
def test_what_is_fine_is_left_alone(allowed):
    assert findings("join/planted.py", allowed) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("core/clock.py", "import time\nx = time.time_ns()"),
        ("core/rng.py", "import numpy as np\nx = np.random.Generator(np.random.PCG64(1))"),
        ("cli/options.py", "import os\nx = os.environ.get('NO_COLOR')"),
        ("learn/calls.py", "try: f()\nexcept Exception: pass"),
    ],
)
def test_what_is_banned_elsewhere_is_allowed_at_home(path, text):
    assert findings(path, text) == []
    assert findings(f"stats/{Path(path).name}", text) != []
