"""Speed of what runs on a cluster: the injector, the operator, its streams. Next: `injector.py`."""
