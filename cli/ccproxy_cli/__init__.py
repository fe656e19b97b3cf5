"""ccproxy cli."""
