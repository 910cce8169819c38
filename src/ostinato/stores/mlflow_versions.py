"""Versions as MLflow holds them: found by our name, added by one call, read back.

Each is a run with parameters, metrics and the files of an MLflow model, and a version of the
registered model that points to it. Its tags hold our name, the SHA-256 of the artifact and the
digest of the whole description. What stands here is called inside `mlflow_client.reached`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ostinato.core.canonical import digest
from ostinato.core.errors import TamperedError
from ostinato.core.ports import Lineage
from ostinato.stores import mlflow_facts as facts
from ostinato.stores.artifact import checked_artifact
from ostinato.stores.mlflow_client import TRANSFER_SECONDS, error_code, reached
from ostinato.stores.mlflow_model import ARTIFACT, DATA, DESCRIPTION, write_model
from ostinato.stores.sealed import unsealed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

VERSION_TAG: Final = "ostinato.version"
ARTIFACT_TAG: Final = "ostinato.artifact"
DESCRIPTION_TAG: Final = "ostinato.description"

_MODEL: Final = "model"  # folder of the model among a run's artifacts
_PARAMETERS_MAX: Final = 100  # as many as MLflow takes in one call
_METRICS_MAX: Final = 800  # and both together 1,000
_PAGE: Final = 200  # versions per request; servers allow at least as many


@dataclass(frozen=True, slots=True)
class MlflowVersions:
    """The versions of one registered model.

    Parameters
    ----------
    client
        From `open_client`.
    url
        Where MLflow is.
    name
        The registered model and the experiment.
    signature
        From `model_signature`, or None.
    """

    client: MlflowClient
    url: str
    name: str
    signature: dict[str, Any] | None

    def all(self, condition: str = "") -> list[ModelVersion]:
        """Return versions that we registered, oldest first."""
        wanted, token, found = f"name='{self.name}'{condition}", None, []
        while True:
            page = self.client.search_model_versions(wanted, _PAGE, page_token=token)
            found += [kept for kept in page if VERSION_TAG in kept.tags]
            token = page.token
            if not token:
                return sorted(found, key=lambda kept: int(kept.version))

    def find(self, version: str) -> ModelVersion | None:
        """Return the version of that name; of two, of two processes at once, the first counts."""
        found = self.all(f" and tags.`{VERSION_TAG}`='{version}'")
        return found[0] if found else None

    def add(self, description: dict[str, Any], artifact: bytes, lineage: Lineage) -> None:
        """Add a version. It is there when the last call succeeds, or not at all."""
        tags = {
            **facts.tags(lineage),
            VERSION_TAG: description["version"],
            ARTIFACT_TAG: description["artifact"],
            DESCRIPTION_TAG: digest(description),
        }
        with allowed("RESOURCE_ALREADY_EXISTS"):
            self.client.create_registered_model(self.name)
        run_id, place = self._run(tags)
        self._log(run_id, lineage)
        with TemporaryDirectory() as folder, reached(self.url, answer_seconds=TRANSFER_SECONDS):
            write_model(Path(folder), artifact, description, self.signature)
            self.client.log_artifacts(run_id, folder, _MODEL)
        self.client.set_terminated(run_id)
        self.client.create_model_version(
            self.name,
            source=f"{place}/{_MODEL}",
            run_id=run_id,
            tags=tags,
            description=facts.sentence(lineage),
            await_creation_for=None,
        )

    def artifact(self, kept: ModelVersion) -> bytes:
        """Return a version's artifact, checked against the hash in its tag."""
        return checked_artifact(
            self._read(kept, ARTIFACT),
            kept.tags[ARTIFACT_TAG],
            version=kept.tags[VERSION_TAG],
            place=f"{kept.source}/{DATA}/{ARTIFACT}",
        )

    def description(self, kept: ModelVersion) -> dict[str, Any]:
        """Return artifact hash, version and lineage, checked against the digest in their tag."""
        place = f"{kept.source}/{DATA}/{DESCRIPTION}"
        description = unsealed(self._read(kept, DESCRIPTION), place=place)
        if digest(description) != kept.tags[DESCRIPTION_TAG]:
            raise TamperedError(
                "The description of a version was changed",
                found=place,
                expected=f"the digest in its tag {DESCRIPTION_TAG}, {kept.tags[DESCRIPTION_TAG]}",
                hint="Restore it from a backup, or train the version again.",
            )
        return description

    def _run(self, tags: dict[str, str]) -> tuple[str, str]:
        """Return (id, artifact place) of the version's run: one left by a crash, or a new one."""
        experiment = self._experiment()
        same = f"tags.`{DESCRIPTION_TAG}`='{tags[DESCRIPTION_TAG]}'"
        left = self.client.search_runs([experiment], same, max_results=1)
        run = left[0] if left else self._new_run(experiment, tags)
        return run.info.run_id, run.info.artifact_uri

    def _new_run(self, experiment: str, tags: dict[str, str]) -> Any:
        source = {"mlflow.source.name": "ostinato"}
        return self.client.create_run(
            experiment, tags={**tags, **source}, run_name=tags[VERSION_TAG]
        )

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.name)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(self.name, _artifact_place(self.url)))

    def _log(self, run_id: str, lineage: Lineage) -> None:
        from mlflow.entities import Metric, Param  # noqa: PLC0415 - see mlflow_client.py

        moment_ms = lineage.data_to_ns // 1_000_000
        shown = [Param(name, text) for name, text in facts.parameters(lineage).items()]
        numbers = [Metric(n, value, moment_ms, 0) for n, value in facts.metrics(lineage).items()]
        self.client.log_batch(
            run_id, metrics=numbers[:_METRICS_MAX], params=shown[:_PARAMETERS_MAX]
        )

    def _read(self, kept: ModelVersion, name: str) -> bytes:
        path = f"{_MODEL}/{DATA}/{name}"
        with TemporaryDirectory() as folder, reached(self.url, answer_seconds=TRANSFER_SECONDS):
            return Path(self.client.download_artifacts(kept.run_id, path, folder)).read_bytes()


@contextmanager
def allowed(code: str) -> Iterator[None]:
    """Let MLflow answer one error."""
    try:
        yield
    except Exception as error:
        if error_code(error) != code:
            raise


def _artifact_place(url: str) -> str | None:
    """Return where the artifacts of a local store go; None: a server decides."""
    if not url.startswith("sqlite:///"):
        return None
    path = Path(url.removeprefix("sqlite:///")).absolute()
    return (path.parent / "mlartifacts").as_uri()
