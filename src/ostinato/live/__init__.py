"""Live: the same loop, serving for real.

In: requests, labels, outcomes and operator acts over HTTP. Out: answers, and the journal of the
same kernel a replay runs. State kept: one folder (`layout`), in which the event log is the truth.

`gateway` answers and logs; `engine` folds the log, decides, trains and writes the routes;
`supervisor` starts them and keeps them alive. They share files, not memory, so that any of them may
die at any moment.
"""
