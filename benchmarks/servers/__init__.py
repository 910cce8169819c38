"""What `serving.py` and `soak.py` are made of: servers to compare, and the load on them."""
