"""Everything that can be killed is killed while calls go on; afterwards the books are compared with the provider's.

Reading order: `link.py`, `house.py`, `load.py`, `troubles.py`, `reckoning.py`, `test_fault_run.py`.
"""
