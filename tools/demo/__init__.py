"""`make demo`: an agent's session through ccproxy, and the receipt. Reading order: `__main__.py`, `session.py`."""
