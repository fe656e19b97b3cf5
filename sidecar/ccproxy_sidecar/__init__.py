"""ccproxy sidecar."""
