"""Gateway: requests in, answers out, everything durably logged before it is confirmed.

In: HTTP, and the routes that the engine publishes. Out: events in the log. State kept: the models
in memory; all else is in files, so that a gateway can be replaced at any moment.
"""
