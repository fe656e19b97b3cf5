"""Lossless folds: what a conversation says twice, or says to a screen. Pure functions of text. Next: `marks.py`."""
