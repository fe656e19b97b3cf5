"""The mutating webhook that adds the sidecar to annotated pods. Next: `__main__.py`."""
