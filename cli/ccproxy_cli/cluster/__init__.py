"""ccproxy on a cluster, as its users see it: through kubectl and its contexts. Next: `kubectl.py`."""
