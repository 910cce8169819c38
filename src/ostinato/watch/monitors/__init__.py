"""Monitors, one method a file; `loop/watching.py` has the table of what makes them."""
