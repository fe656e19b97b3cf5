"""A scripted operator: a real TLS WebSocket server that speaks `contract/stream.py`. Next: `server.py`."""
