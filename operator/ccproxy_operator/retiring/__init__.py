"""What the chart runs before an uninstall. Start at `__main__.py`."""
