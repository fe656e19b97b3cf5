"""What `helm test` runs: one call of one injected pod, from end to end. Start at `__main__.py`."""
