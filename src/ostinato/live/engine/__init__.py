"""Engine: the log in, decisions and routes out.

In: the event log. Out: the journal, the routes, the registry, the lake, alerts. State kept: the
kernel's state and the open training orders, as a snapshot; the events after it give the rest.
"""
