"""ccproxy runtime."""
