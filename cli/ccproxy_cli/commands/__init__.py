"""One command of `ccproxy` per file: its `command` is imported when it is called. Walk: `start.py` first."""
