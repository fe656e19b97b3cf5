"""The webhook by which the API server asks the injector: there as soon as the injector's certificate is.

Whether or not an injector runs yet: a pod that asks for a sidecar and would come up without one is worse than one that
waits for its controller's next try, and nobody else's pod is ever sent. Pods that slipped through while it was missing
are `repair`'s. Next: `configuration.py`.
"""
