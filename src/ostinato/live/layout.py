"""Where things lie in the folder of a service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ostinato.core.errors import StoreError


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths in a service's folder.

    Parameters
    ----------
    folder
        The folder, ``.ostinato`` unless said otherwise.
    """

    folder: Path

    @property
    def service(self) -> Path:
        """How the service was started: a `ServiceConfig` as JSON."""
        return self.folder / "service.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor while it runs."""
        return self.folder / "lock"

    @property
    def schema(self) -> Path:
        """What requests look like: an `InputSchema` as JSON."""
        return self.folder / "schema.json"

    @property
    def history(self) -> Path:
        """The rows that trained the first champion, Parquet."""
        return self.folder / "history.parquet"

    @property
    def events(self) -> Path:
        """The event log, SQLite."""
        return self.folder / "events.db"

    @property
    def journal(self) -> Path:
        """The decisions, SQLite."""
        return self.folder / "journal.db"

    @property
    def registry(self) -> Path:
        """Artifacts and versions, the registry that gateways load from."""
        return self.folder / "registry"

    @property
    def policies(self) -> Path:
        """Every policy the loop has lived under, pickled."""
        return self.folder / "policies"

    @property
    def lake(self) -> Path:
        """Delta tables ``events``, ``predictions``, ``labels``, and one for each source."""
        return self.folder / "lake"

    @property
    def snapshots(self) -> Path:
        """The engine's snapshots, newest last by name."""
        return self.folder / "snapshots"

    @property
    def sources(self) -> Path:
        """What was known of each source at the first start, Parquet."""
        return self.folder / "sources"

    @property
    def schemas(self) -> Path:
        """Which columns sources have had, since when: a `SchemaBook` as JSON."""
        return self.folder / "schemas.json"

    @property
    def open_predictions(self) -> Path:
        """Predictions of the history that wait for their label, Parquet."""
        return self.folder / "open.parquet"

    @property
    def features(self) -> Path:
        """What features are computed of, up to some offset of the log: a `FeatureState`."""
        return self.folder / "features.state"

    @property
    def routes(self) -> Path:
        """Who answers: a `Published` as JSON; the engine writes it, gateways obey it."""
        return self.folder / "routes.json"

    @property
    def undo(self) -> Path:
        """An undo that the engine has not folded yet: an `Undo` as JSON."""
        return self.folder / "undo.json"

    @property
    def status(self) -> Path:
        """What the engine last did: a `Status` as JSON."""
        return self.folder / "status.json"

    @property
    def alerts(self) -> Path:
        """What each address of alerts was told: `Desks` as JSON."""
        return self.folder / "alerts.json"

    @property
    def tokens(self) -> Path:
        """Access tokens, hashed."""
        return self.folder / "tokens.json"

    @property
    def run(self) -> Path:
        """One JSON file per living process: ``engine.json``, ``gateway-0.json``."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """What the processes say."""
        return self.folder / "logs"

    def make(self) -> None:
        """Make the folders.

        Raises
        ------
        StoreError
            If they cannot be made.
        """
        kept = (self.registry, self.policies, self.lake, self.snapshots, self.run, self.logs)
        try:
            for each in (self.folder, *kept):
                each.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "The folder of the service cannot be made",
                found=f"{error.filename} ({error.strerror or error})",
                hint="Check the permissions, or give another folder: --dir FOLDER.",
            ) from error
