"""Words that ccproxy's processes exchange. Imports only the standard library and msgspec; does no I/O.

Next: `names.py`, then `usage.py`, `prices.py`, `pricing.py`, `snapshot.py`, `events.py`, `accounts.py`.
"""
