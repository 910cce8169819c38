"""Rows of the acceptance table: what the statistics of the loop promise, and what others keep.

One file per topic. A row is a function from `Effort` to a list of `Check`;
`benchmarks/decisions.py` names and runs them. Every row measures ours and, on the same streams, the
rules people use instead. Where a naive rule must fail, its failing is checked too: a test that
nothing can fail has no teeth.
"""
