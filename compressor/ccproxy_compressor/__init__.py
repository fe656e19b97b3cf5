"""The compressor: judges segments of a conversation and answers with what can go. Next: `__main__.py`."""
