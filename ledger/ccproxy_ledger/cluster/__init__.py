"""The ledger on a cluster: collectors and books as processes of their own, behind TLS and ServiceAccount tokens.

Next: `settings.py`.
"""
