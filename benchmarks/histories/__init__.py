"""What `features_asof.py` measures: one file per contender, each run in a process of its own."""
