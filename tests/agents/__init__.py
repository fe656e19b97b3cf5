"""Real coding agents, run through ccproxy against the scripted provider. They are proprietary or large: opt-in."""
