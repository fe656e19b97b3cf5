"""What an object is told of itself: its conditions. Next: `conditions.py`."""
