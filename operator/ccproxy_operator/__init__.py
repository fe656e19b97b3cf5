"""The operator: watches what people write, streams each sidecar its slice, tells what the data plane really runs.

The injector is an entry point of its own (`injector/`). Next: `__main__.py`.
"""
