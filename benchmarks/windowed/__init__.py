"""What `features_online.py` measures: its events and features, our store, and others."""
