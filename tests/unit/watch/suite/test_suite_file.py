from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

import ostinato as ost
from ostinato.core.errors import ConfigError
from ostinato.watch.suite.bounds import Bound


@pytest.fixture
def written(flights, roles, tmp_path):
    suite = ost.Suite.infer(flights(), name="flights", at_ns=0, **roles)
    path = tmp_path / "flights.suite.toml"
    suite.write(path)
    return suite, path


def test_a_suite_comes_back_from_its_file_with_its_comments(written):
    suite, path = written
    again = ost.Suite.read(path)
    assert again == suite
    assert again.notes["columns.temp", "missing"].endswith("in the worst part.")
    again.write(path.with_name("again.toml"))
    assert path.with_name("again.toml").read_bytes() == path.read_bytes()


def test_the_same_table_gives_the_same_bytes(written, flights, roles):
    suite, path = written
    again = ost.Suite.infer(flights(), name="flights", at_ns=0, **roles)
    assert again.to_text() == path.read_text()
    assert again.digest == suite.digest


def test_the_header_says_which_version_when_and_from_which_rows(written):
    _, path = written
    head = tomllib.loads(path.read_text())["suite"]
    assert head["version"] == 1
    assert head["rows"] == 4000
    assert head["at"] == "1970-01-01T00:00:00Z"
    assert head["from"].startswith("2024-01-01")
    assert len(head["digest"]) == 64


def test_every_bound_is_explained(written):
    _, path = written
    lines = path.read_text().splitlines()
    bounds = [i for i, line in enumerate(lines) if " = {" in line and not line.startswith("#")]
    bare = [lines[i] for i in bounds if not lines[i - 1].startswith("#")]
    assert bare == ["missing = { fail = 0.0 }"]  # of ids


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_edited_bound_holds_and_the_suite_says_that_it_was_edited(written, flights):
    suite, path = written
    edit(path, "duplicates = { warn = 0.01, fail = 0.2 }", "duplicates = { fail = 0.6 }")
    again = ost.Suite.read(path)
    assert again.batch.duplicates == Bound(fail=0.6)
    assert again.edited
    assert not suite.edited
    assert again.digest != suite.digest


def test_a_line_taken_out_is_no_longer_looked_at(written, flights):
    _, path = written
    text = path.read_text()
    start = text.index("[columns.temp]")
    path.write_text(text[:start] + text[text.index("[columns.seats]") :])
    assert ost.Suite.read(path).check(flights().drop("temp")).passed


@pytest.mark.parametrize(
    ("old", "new", "says", "line"),
    [
        ('kind = "number"', 'kind = "numbr"', "columns.id.kind is unknown", 'kind = "numbr"'),
        ("duplicates =", "duplicate =", "batch.duplicate is unknown", "duplicate ="),
        (
            "duplicates = { warn = 0.01",
            "duplicates = { warm = 0.01",
            "batch.duplicates.warm is unknown",
            "duplicates =",
        ),
        (
            "duplicates = { warn = 0.01",
            "duplicates = { warn = 1.5",
            "batch.duplicates has warn out of range",
            "duplicates =",
        ),
        ("duplicates = {", "duplicates = 3 # {", "batch.duplicates is no table", "duplicates ="),
        ("rows = { warn = 200", "rows = { warn = 2.5", "batch.rows has no count", "rows = {"),
        ("version = 1", "version = 0", "suite.version is no version", "version ="),
        ('column = "late"', "", "label.column is missing", "[label]"),
        ("values = [", "values = [1, ", "columns.carrier.values is no list of texts", "values ="),
        ("[batch]", "[batches]", "batches is unknown", "[batches]"),
        ("low = 0.0, high", "low = 1e9, high", "has a low end above its high one", "low = 1e9"),
        (
            "missing = { warn = 0.0",
            "missing = { warn = 0.9",
            "warns later than it fails",
            "warn = 0.9",
        ),
        ('name = "flights"', "name = flights", "is no TOML", "name = flights"),
        ("[suite]", "[[suite]]", "suite is no section", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_line(written, old, new, says, line):
    _, path = written
    edit(path, old, new)
    with pytest.raises(ConfigError) as caught:
        ost.Suite.read(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    if line:
        lines = path.read_text().splitlines()
        number = next(i for i, each in enumerate(lines, start=1) if line in each)
        assert f"line {number}" in str(caught.value)


def test_a_misspelt_key_comes_with_a_guess(written):
    _, path = written
    edit(path, "duplicates =", "duplicats =")
    with pytest.raises(ConfigError, match=r"hint: duplicates\?"):
        ost.Suite.read(path)


def test_a_file_that_is_not_there_is_told_with_what_makes_one(tmp_path):
    with pytest.raises(ConfigError, match="ostinato suite infer"):
        ost.Suite.read(tmp_path / "none.toml")


def test_a_suite_cannot_be_written_into_a_folder_that_is_not_there(written, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written there"):
        written[0].write(tmp_path / "no" / "suite.toml")


def test_versions_count_on(written):
    suite, _ = written
    assert replace(suite, name="x").next_after(suite).version == 2
