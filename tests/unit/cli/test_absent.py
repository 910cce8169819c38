"""Without the libraries of the service the command line still runs, and says what to install."""

import json
import subprocess
import sys

WITHOUT = "import sys; sys.modules['msgspec'] = None; from ostinato.cli.main import main; main()"


def told(*arguments):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], capture_output=True, text=True, check=False
    )


def test_the_verbs_are_listed_with_what_to_install():
    done = told("--help")

    assert done.returncode == 0
    assert "Not installed: pip install 'ostinato[live]'." in done.stdout
    assert "Replay the loop over history" in done.stdout


def test_a_verb_that_cannot_run_names_what_is_missing():
    done = told("serve", "loop.py", "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["found"] == "no msgspec"
