"""The command line: one file per verb.

In: arguments, a loop file, data. Out: data on stdout (JSON with ``--json``), everything else on
stderr, and an exit code: 0 ok, 1 the answer is no, 2 usage or input error. State kept: none.
"""
