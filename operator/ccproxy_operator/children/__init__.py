"""What runs because a ModelBackend with `compressor` is there: Deployment, Service and PodDisruptionBudget.

They live in the system namespace, not beside the ModelBackend: the operator then writes to one namespace only (a right
to make Deployments everywhere is a right to run anything anywhere), and the key of the compressor's certificate stays
out of namespaces whose owners could read it. The price: no ownerReference reaches across namespaces, so the leader
itself removes what no ModelBackend asks for any more, found by label. Next: `manifests.py`.
"""
