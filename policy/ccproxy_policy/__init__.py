"""What people write (YAML documents of the three kinds) compiled into what runs (snapshot and accounts).

Pure but for `load.py`, which reads a folder. Next: `problems.py`.
"""
