"""Adapters behind the ports: journal, event log and registry, in memory, on disk and in MLflow.

In: decisions to keep (`Journal`), events as bytes (`EventLog`), artifacts with their lineage
(`Registry`). Out: the same, in order and checked against their hashes. State kept: whatever the
store holds; on disk, it is durable when the call that stored it returns. `open_journal`,
`open_eventlog` and `open_registry` choose an adapter by URL.
"""

from ostinato.stores.chain import check_chain, entry_hash
from ostinato.stores.eventlog_memory import MemoryEventLog
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.open import open_eventlog, open_journal, open_registry
from ostinato.stores.registry_folder import FolderRegistry
from ostinato.stores.registry_memory import MemoryRegistry
from ostinato.stores.registry_mirror import MirroredRegistry, MirrorState
from ostinato.stores.registry_mlflow import MlflowRegistry

__all__ = [
    "FolderRegistry",
    "MemoryEventLog",
    "MemoryJournal",
    "MemoryRegistry",
    "MirrorState",
    "MirroredRegistry",
    "MlflowRegistry",
    "SqliteEventLog",
    "SqliteJournal",
    "check_chain",
    "entry_hash",
    "open_eventlog",
    "open_journal",
    "open_registry",
]
