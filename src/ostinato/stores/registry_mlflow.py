"""A registry in MLflow: a database beside the loop, or any MLflow server.

The registered model is the loop, its versions are MLflow's, numbered by MLflow; our name of a
version is a tag. A version appears by one call, the last of its registration: what a crash leaves
before it is a run without a version, which the next attempt goes on with. An alias moves by one
call too, which adds the move to the history (`mlflow_history`); MLflow's own alias follows at once,
and the next call mends it should that be lost.

Nothing is cached: what another process registers is seen at once. Processes take turns at writing
(the loop writes, the rest read); threads of one process may write as they like.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ostinato.core.canonical import canonical_json, digest
from ostinato.core.errors import ConfigError
from ostinato.core.ports import Lineage
from ostinato.stores.alias_moves import Move, history, is_news, targets
from ostinato.stores.closing import Closable
from ostinato.stores.mlflow_client import open_client, reached
from ostinato.stores.mlflow_history import checked_alias, read_moves, tag_with
from ostinato.stores.mlflow_model import describe, model_signature
from ostinato.stores.mlflow_versions import (
    DESCRIPTION_TAG,
    VERSION_TAG,
    MlflowVersions,
    allowed,
)
from ostinato.stores.version_text import (
    checked_name,
    read_lineage,
    refused_version,
    unknown_version,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_NAME: Final = re.compile(r"[\w.-]{1,128}")


class MlflowRegistry(Closable):
    """The `Registry` port on MLflow.

    Parameters
    ----------
    url
        As MLflow takes it: ``http://host:5000``, ``sqlite:////data/mlflow.db``,
        ``postgresql://...``. With SQLite, artifacts lie in ``mlartifacts`` beside the file.
    name
        Name of the registered model and of the experiment: the loop's.
    sample
        Rows of the features, in order, from which versions get their signature; see
        `model_signature`. None: no signature.
    classes
        For the signature. 0: one number per row; else so many probabilities per row.

    Raises
    ------
    ConfigError
        If MLflow could not keep or find again a model of that name.
    StoreError
        If MLflow is not installed or a database cannot be opened. A server that is away shows
        with the first call.
    """

    def __init__(
        self, url: str, name: str, *, sample: pl.DataFrame | None = None, classes: int = 0
    ) -> None:
        self.url, self.name = url, _checked_model(name)
        self._lock = threading.Lock()
        self._client = open_client(url)
        with reached(url):
            signature = None if sample is None else model_signature(sample, classes=classes)
        self._versions = MlflowVersions(self._client, url, name, signature)

    def register(self, version: str, artifact: bytes, lineage: Lineage) -> str:
        checked_name(version, what="version")
        description = describe(version, artifact, lineage)
        with self._lock, reached(self.url):
            kept = self._versions.find(version)
            if kept is None:
                self._versions.add(description, artifact, lineage)
            else:
                self._check_same(kept, description)
        return str(description["artifact"])

    def load(self, version: str) -> bytes:
        with reached(self.url):
            return self._versions.artifact(self._known(version))

    def lineage(self, version: str) -> Lineage:
        with reached(self.url):
            return read_lineage(self._versions.description(self._known(version))["lineage"])

    def versions(self) -> list[str]:
        with reached(self.url):
            return list(dict.fromkeys(kept.tags[VERSION_TAG] for kept in self._versions.all()))

    def set_alias(self, alias: str, version: str, *, ts_event_ns: int) -> None:
        checked_alias(alias)
        move = Move(alias=alias, version=version, ts_event_ns=ts_event_ns)
        with self._lock, reached(self.url):
            found = self._known(version)
            tags, pointed = self._model()
            moves = read_moves(tags)
            if is_news(moves, move):
                self._client.set_registered_model_tag(self.name, *tag_with(tags, move))
                moves.append(move)
            target = targets(moves)[alias]  # another version, if this move was made long ago
            number = str((found if target == version else self._known(target)).version)
            if pointed.get(alias) != number:
                self._client.set_registered_model_alias(self.name, alias, number)

    def aliases(self) -> dict[str, str]:
        with reached(self.url):
            return targets(read_moves(self._model()[0]))

    def alias_history(self, alias: str) -> list[tuple[int, str]]:
        with reached(self.url):
            return history(read_moves(self._model()[0]), alias)

    def close(self) -> None:
        """Do nothing: MLflow itself keeps connections for its next client."""

    def _known(self, version: str) -> ModelVersion:
        found = self._versions.find(checked_name(version, what="version"))
        if found is None:
            raise unknown_version(version, self.versions())
        return found

    def _model(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the registered model's tags, and the number each of MLflow's aliases points to."""
        tags: dict[str, str] = {}
        pointed: dict[str, str] = {}
        with allowed("RESOURCE_DOES_NOT_EXIST"):  # before the first version
            model = self._client.get_registered_model(self.name)
            tags.update(model.tags)
            pointed.update((alias, str(number)) for alias, number in model.aliases.items())
        return tags, pointed

    def _check_same(self, kept: ModelVersion, given: dict[str, Any]) -> None:
        if kept.tags[DESCRIPTION_TAG] == digest(given):
            return
        before = self._versions.description(kept)
        for what in ("artifact", "lineage"):
            found, expected = canonical_json(given[what]), canonical_json(before[what])
            if found != expected:
                raise refused_version(given["version"], what, found, expected)


def _checked_model(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            "The name of the registered model cannot be used",
            found=repr(name),
            expected='1 to 128 letters, digits or "_", "." and "-"',
            hint='MLflow reads it in "models:/name@champion".',
        )
    return name
