"""Performance before labels: what calibrated scores, and losses of rows alike, say of today.

In: scores, and labels of earlier rows. Out: the loss that is expected of each row, the metrics of a
window with their errors, and, when labels come, how good the estimate was. State kept: per version
counts of labelled rows by cell, and sums over the windows whose labels are awaited.
"""
