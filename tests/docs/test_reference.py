"""Nothing public without a page, and no generated page that says what the code no longer does."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import ostinato as ost
from ostinato.cli.main import VERBS
from ostinato.core import errors, records
from ostinato.loop.kernel import STAGES
from ostinato.stats.metrics import METRICS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_docs"] = module
    spec.loader.exec_module(module)
    return module


GENERATE = load_generator()


def page(name):
    return (REFERENCE / name).read_text(encoding="utf-8")


def whole_reference():
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(REFERENCE.glob("*.md")))


@pytest.mark.parametrize("name", list(GENERATE.PAGES))
def test_a_generated_page_says_what_the_code_says(name):
    assert page(name) == GENERATE.PAGES[name](), f"docs/reference/{name} is stale: run make docs"


def test_every_page_of_the_reference_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path.name != "index.md"]
    assert pages
    assert [
        p.name for p in pages if f"({p.relative_to(ROOT / 'docs').as_posix()})" not in index
    ] == []


@pytest.mark.parametrize("name", ost.__all__)
def test_every_public_name_stands_in_the_reference(name):
    assert re.search(rf"ost\.{name}\b", whole_reference()), f"no page mentions ost.{name}"


@pytest.mark.parametrize("name", ost.__all__)
def test_every_public_name_stands_in_the_readme(name):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if name.endswith("Error"):
        name = "OstinatoError"  # the tree of errors has its own page
    assert f"`{name}`" in readme


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_has_its_line(verb):
    text = page("cli.md")
    assert f"## `ostinato {verb}`" in text
    section = text.split(f"## `ostinato {verb}`")[1].split("\n## ")[0]
    command = get_command(importlib.import_module(f"ostinato.cli.{verb}").app)
    for parameter in command.params:
        for option in parameter.opts:
            wanted = option if option.startswith("-") else parameter.metavar
            assert wanted in section, f"cli.md does not mention {wanted} of ostinato {verb}"


def record_classes():
    decisions, batches = GENERATE.record_kinds()
    return [*decisions, *batches]


@pytest.mark.parametrize("kind", [each.kind for each in record_classes()])
def test_every_record_kind_is_described(kind):
    assert f"### `{kind}`" in page("records.md")


@pytest.mark.parametrize(
    "kind", [e.kind for e in record_classes() if not issubclass(e, records.Decision)]
)
def test_who_makes_a_batch_is_known_to_the_code(kind):
    source = ROOT / "src" / "ostinato"
    maker = GENERATE.MAKERS[kind]
    outside = ("the runtime", GENERATE.LIVE, GENERATE.OPERATOR)
    stages = [] if maker in outside else maker.split(" and ")
    assert all((source / stage / "stage.py").exists() for stage in stages)


@pytest.mark.parametrize("cls", record_classes(), ids=lambda cls: cls.kind)
def test_the_stage_said_to_make_a_record_makes_it(cls):
    folders = {"the runtime": ["replay"], "the kernel": ["loop"]}
    outside = (GENERATE.LIVE, GENERATE.OPERATOR)
    folders |= {maker: [*(stage.name for stage in STAGES), "loop", "replay"] for maker in outside}
    for maker in GENERATE.MAKERS[cls.kind].split(" and "):
        made = [
            path
            for folder in folders.get(maker, [maker])
            for path in (ROOT / "src" / "ostinato" / folder).rglob("*.py")
            if re.search(rf"(?<!class )\b{cls.__name__}\((?!\))", path.read_text("utf-8"))
        ]
        assert bool(made) == (maker not in outside), f"{cls.kind} is made in {made}, not {maker}"


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_its_line(name):
    assert f"| `{name}` |" in page("metrics.md")


@pytest.mark.parametrize(
    "name",
    [v.__name__ for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)],
)
def test_every_error_has_its_line(name):
    assert f"| `{name}` |" in page("errors.md")


def test_every_parameter_of_a_public_dataclass_is_described():
    described = (ost.Loop, ost.Label, ost.Prices, ost.Policy, ost.Degradation, ost.MinimumDelta)
    empty = [
        f"{cls.__name__}.{row[0]}"
        for cls in described
        for row in GENERATE.fields_of(cls)
        if not row[3]
    ]
    assert empty == []


def test_hacking_stays_short():
    assert len((ROOT / "HACKING.md").read_text(encoding="utf-8").splitlines()) < 160


def test_the_changelog_has_unreleased_first():
    heads = re.findall(
        r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert heads[0] == "Unreleased"
