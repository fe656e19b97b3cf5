"""The root and the certificates that it signs. Next: `authority.py`."""
