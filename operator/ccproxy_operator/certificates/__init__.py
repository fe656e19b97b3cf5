"""Certificates of ccproxy's own servers, made and renewed without cert-manager. Next: `authority.py`."""
