"""The `ccproxy` command of a laptop: it compiles policies, keeps the processes running and shows what they did.

Walk: `app.py` (the list of commands), `settings.py`, `home.py`, `launching.py`, `supervision/`, `commands/`.
"""
