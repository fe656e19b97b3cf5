"""What the operator owns on behalf of a ModelBackend: the compressor. Next: `compressor.py`."""
