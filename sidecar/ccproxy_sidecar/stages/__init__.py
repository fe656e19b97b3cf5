"""The stages of a call, one a file; their order and failure modes stand in `pipeline.py`."""
