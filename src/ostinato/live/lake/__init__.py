"""Lake: everything that happened, as Delta tables that other tools read.

In: the event log, up to the last tick. Out: ``events`` as they were logged, and ``predictions``,
``labels`` and ``outcomes`` as they were folded. State kept: how far the log is in the tables, and
which version of each table that is; versions after it were never finished, and are made again.
"""
