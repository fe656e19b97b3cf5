"""The process that `ccproxy start` leaves running. Walk: `plan.py`, `supervisor.py`, `child.py`, `policy_watch.py`."""
