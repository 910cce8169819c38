from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ostinato.cli.policy_names import chosen_policies, named_policy
from ostinato.core.errors import ConfigError, InputError
from ostinato.loop import policies
from ostinato.loop.loading import data_of, load_loop

HEAD = """
from sklearn.linear_model import LogisticRegression
from ostinato.loop.loop import Label, Loop
from ostinato.loop import policies

def make(name):
    learner = LogisticRegression()
    truth = Label("y")
    return Loop(name=name, task="binary", time="ts", features=["x"], label=truth, learner=learner)
"""


@pytest.fixture
def write(tmp_path):
    def write_file(body, name="my_loop.py"):
        path = tmp_path / name
        path.write_text(HEAD + dedent(body))
        return path

    return write_file


def test_the_only_loop_is_taken(write):
    assert load_loop(str(write("loop = make('one')"))).loop.name == "one"


def test_two_names_for_one_loop_are_one_loop(write):
    assert load_loop(str(write("a = make('one')\nb = a"))).loop.name == "one"


@pytest.mark.parametrize("wanted", ["b", "second"])
def test_one_of_several_is_chosen_by_variable_or_by_name(write, wanted):
    path = write("a = make('first')\nb = make('second')")
    assert load_loop(f"{path}:{wanted}").loop.name == "second"


def test_several_loops_without_a_choice_are_refused(write):
    path = write("a = make('first')\nb = make('second')")
    with pytest.raises(InputError, match=r"was: a, b.*(?s:.)*hint: Choose one"):
        load_loop(str(path))


def test_a_loop_that_is_not_there_is_told(write):
    with pytest.raises(InputError, match="a loop called 'z'"):
        load_loop(f"{write('a = make(chr(97))')}:z")


def test_a_file_without_a_loop_is_told(write):
    with pytest.raises(InputError, match="no Loop at top level"):
        load_loop(str(write("x = 1")))


def test_a_file_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_loop(str(tmp_path / "nowhere.py"))


@pytest.mark.parametrize(
    ("body", "what"), [("1 / 0", "ZeroDivisionError"), ("def (", "SyntaxError")]
)
def test_a_file_that_fails_is_told_with_its_line(write, body, what):
    with pytest.raises(InputError, match=rf"failed in line 11; was: {what}"):
        load_loop(str(write("\n" + body)))


def test_a_wrong_declaration_keeps_its_own_error(write):
    with pytest.raises(ConfigError, match="is not a name"):
        load_loop(str(write("loop = make('no name')")))


def test_the_file_can_import_its_neighbours(write, tmp_path):
    (tmp_path / "neighbour_of_a_loop.py").write_text("NAME = 'neighbour'")
    path = write("from neighbour_of_a_loop import NAME\nloop = make(NAME)")
    assert load_loop(str(path)).loop.name == "neighbour"


def test_data_given_comes_first(write):
    file = load_loop(str(write("loop = make('a')\nDATA = 'b.parquet'")))
    assert data_of(file, Path("given.parquet")) == Path("given.parquet")


def test_a_relative_default_is_meant_from_the_files_folder(write, tmp_path):
    file = load_loop(str(write("loop = make('a')\nDATA = 'b.parquet'")))
    assert data_of(file, None) == tmp_path / "b.parquet"


def test_a_data_function_is_called(write):
    file = load_loop(str(write("loop = make('a')\ndef data():\n    return 42")))
    assert data_of(file, None) == 42


def test_no_data_at_all_is_told(write):
    with pytest.raises(InputError, match="--data"):
        data_of(load_loop(str(write("loop = make('a')"))), None)


def test_policies_of_the_file_come_first(write):
    file = load_loop(str(write("loop = make('a')\nPOLICIES = {'mine': policies.static()}")))
    assert list(chosen_policies(None, file.policies)) == ["mine"]
    assert list(chosen_policies(["mine", "triggered"], file.policies)) == ["mine", "triggered"]


def test_policies_that_are_none_are_refused(write):
    with pytest.raises(ConfigError, match="no table of policies"):
        load_loop(str(write("loop = make('a')\nPOLICIES = {'mine': 3}")))


def test_ready_made_policies_have_names():
    assert list(chosen_policies(None, {})) == ["static", "scheduled", "triggered"]
    assert named_policy("scheduled:14d", {}) == policies.scheduled("14d")
    assert named_policy("triggered:0.2", {}) == policies.triggered(0.2)


@pytest.mark.parametrize("name", ["weekly", "static:1d", "triggered:often", "scheduled:whenever"])
def test_unknown_policies_are_refused(name):
    with pytest.raises(ConfigError):
        named_policy(name, {})
