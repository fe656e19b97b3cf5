"""ccproxy on a real cluster, end to end: `make e2e`. Next: `clusters.py`."""
