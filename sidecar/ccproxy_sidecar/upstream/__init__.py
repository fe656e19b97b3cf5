"""The way to the providers: connection pools, the choice among targets, retry."""
