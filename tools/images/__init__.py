"""The container images: what goes into them, how they are built, what they weigh. Start at `__main__.py`."""
