"""Alerts: what people are told of what the loop decides, where they want to hear it.

In: the journal, which has everything. Out: messages to webhooks and to whatever Apprise reaches.
State kept: a small file that says, per address, up to where it was told and which alarms stand.
"""
