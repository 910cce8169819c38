"""Contenders of `monitoring.py`: each is a script that runs in a process of its own."""
