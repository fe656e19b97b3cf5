"""The streams: each sidecar its slice, the ledger its accounts, acknowledgements back. Next: `identity.py`."""
