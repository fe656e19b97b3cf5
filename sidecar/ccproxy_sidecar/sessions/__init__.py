"""What a sidecar remembers of conversations: who speaks, what the provider counted, what was cached."""
