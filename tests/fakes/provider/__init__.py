"""A provider that follows a script: a real HTTP server speaking Messages, Chat, Responses and Gemini. Needs no key.

Reading order: `asked.py`, `script.py`, `steps.py`, one dialect (`messages.py`), `delivery.py`, `server.py`.
"""
