"""What a cluster's objects compile to: per namespace, then per workload. Pure: nothing here talks to Kubernetes.

Next: `objects.py`.
"""
