"""A Kubernetes of one node without Docker, for the end-to-end tests of ccproxy. Next: `__main__.py`."""
