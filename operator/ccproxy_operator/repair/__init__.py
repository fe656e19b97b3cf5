"""Pods that asked for a sidecar and came up without one, because no webhook was there at that moment.

Eviction, not deletion, so that PodDisruptionBudgets hold; one pod of a template first, and the others only once its
replacement has a sidecar and is ready; at most ten a minute. Whatever cannot be repaired that way is told in an Event.
Next: `decision.py`.
"""
