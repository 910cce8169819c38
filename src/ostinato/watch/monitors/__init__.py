"""Monitors, one method per file.

In: records of the kinds each of them wants. Out: readings of its streams, window by window. State
kept: summaries of open windows that add up, and of the windows that are its reference.
"""
