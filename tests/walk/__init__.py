"""The walk of `docs/one-request.md`, executed. Reading order: `walked.py`, `test_one_request.py`."""
