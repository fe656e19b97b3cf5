"""Every byte of recorded-shape calls and answers, compared on both sides of a real sidecar.

Reading order: `wire.py`, `byte_server.py`, `answers.py`, `edits.py`, `test_bytes.py`.
"""
