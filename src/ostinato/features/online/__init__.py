"""The incremental execution: state by key in the serving path, microseconds a request.

in: events of sources as they come (`EventBatch`), requests. out: windowed features, the same bits
as `ostinato.features.asof` computes over history. State kept: tiles of summaries by key, in one
pool of words, and events that are not available yet.

`store` is what others use. `layout` writes a plan as arrays; `records` writes events as rows of
words; `state` holds the pool, and `snapshot` its bytes. Compiled: `table`, `rings` and `pool` keep
order in the words, `fold` puts events in, `look` with `numbers` and `sketches` reads windows,
`moving` leaves behind what is over.
"""

from ostinato.features.online.store import OnlineStore

__all__ = ["OnlineStore"]
