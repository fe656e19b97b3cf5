"""How any ccproxy process runs: spool, logs, metrics, configuration feed, tokens, start and stop. Next: `spool.py`."""
