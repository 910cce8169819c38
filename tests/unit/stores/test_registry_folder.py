from __future__ import annotations

import hashlib
import json

import pytest

from ostinato.checks.samples import START_NS, sample_lineage
from ostinato.core.errors import StoreError, TamperedError
from ostinato.stores import FolderRegistry


@pytest.fixture
def registry(tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    registry.register("v1", b"one", sample_lineage())
    registry.register("v2", b"two", sample_lineage(seed=2))
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    return registry


def files(registry):
    return sorted(
        path.relative_to(registry.path).as_posix()
        for path in registry.path.rglob("*")
        if path.is_file()
    )


def test_folder_can_be_read_without_ostinato(registry):
    one, two = (hashlib.sha256(artifact).hexdigest() for artifact in (b"one", b"two"))
    assert files(registry) == sorted(
        [
            "aliases.jsonl",
            f"artifacts/{one}",
            f"artifacts/{two}",
            "versions/v1.json",
            "versions/v2.json",
        ]
    )
    document = json.loads((registry.path / "versions/v2.json").read_text())
    assert (document["version"], document["artifact"], document["order"]) == ("v2", two, 1)
    assert document["lineage"]["seed"] == 2
    lines = (registry.path / "aliases.jsonl").read_text().splitlines()
    assert [json.loads(line)["version"] for line in lines] == ["v1"]


def test_changed_artifact_is_not_loaded(registry):
    path = registry.path / "artifacts" / hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"ome")
    with pytest.raises(TamperedError, match="The artifact of version v1 was changed"):
        registry.load("v1")
    assert registry.load("v2") == b"two"


def test_registering_again_mends_a_damaged_artifact(registry):
    path = registry.path / "artifacts" / hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"")
    registry.register("v1", b"one", sample_lineage())
    assert registry.load("v1") == b"one"


def test_missing_artifact_is_named(registry):
    path = registry.path / "artifacts" / hashlib.sha256(b"one").hexdigest()
    path.unlink()
    with pytest.raises(StoreError, match=path.name):
        registry.load("v1")


@pytest.mark.parametrize("content", ["", "[]", "no json", "{}", "\udcff"])
def test_description_that_is_not_one_is_refused(registry, content):
    path = registry.path / "versions/v1.json"
    path.write_text(content, errors="surrogateescape")
    for call in (registry.versions, lambda: registry.load("v1"), lambda: registry.lineage("v1")):
        with pytest.raises(TamperedError, match=r"v1\.json"):
            call()


@pytest.mark.parametrize(
    ("old", "new"), [('"seed":0', '"seed":1'), ('"order":0', '"order":9'), ("sample", "simple")]
)
def test_changed_description_is_refused(registry, old, new):
    path = registry.path / "versions/v1.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(TamperedError, match="The description of a version was changed"):
        registry.lineage("v1")


def test_description_copied_to_another_name_is_refused(registry):
    (registry.path / "versions/v3.json").write_bytes(
        (registry.path / "versions/v1.json").read_bytes()
    )
    with pytest.raises(TamperedError):
        registry.load("v3")


def test_move_torn_by_a_crash_did_not_happen_and_does_not_spoil_the_next(registry):
    path = registry.path / "aliases.jsonl"
    whole = path.read_bytes()
    registry.set_alias("champion", "v2", ts_event_ns=START_NS + 1)
    longer = path.read_bytes()
    for cut in range(len(whole), len(longer)):
        path.write_bytes(longer[:cut])
        assert registry.aliases() == {"champion": "v1"}
        registry.set_alias("champion", "v2", ts_event_ns=START_NS + 2)
        assert registry.alias_history("champion") == [(START_NS, "v1"), (START_NS + 2, "v2")]


@pytest.mark.parametrize("line", ["no json", "3", '{"alias":"champion"}', "\udcff"])
def test_history_with_a_strange_line_is_refused(registry, line):
    with (registry.path / "aliases.jsonl").open("a", errors="surrogateescape") as file:
        file.write(line + "\n")
    with pytest.raises(StoreError, match="history of the aliases"):
        registry.aliases()


def test_file_left_by_a_crash_before_the_rename_is_not_a_version(registry):
    (registry.path / "versions/.v9.json.77.tmp").write_text("{")
    assert registry.versions() == ["v1", "v2"]
    FolderRegistry(registry.path).register("v9", b"nine", sample_lineage())
    assert registry.versions() == ["v1", "v2", "v9"]


def test_artifact_without_a_version_does_no_harm(registry):
    (registry.path / "artifacts" / hashlib.sha256(b"nine").hexdigest()).write_bytes(b"ni")
    registry.register("v9", b"nine", sample_lineage())
    assert registry.load("v9") == b"nine"


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="The registry could not be used"):
        FolderRegistry(tmp_path / "file")
