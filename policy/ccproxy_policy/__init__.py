"""ccproxy policy."""
