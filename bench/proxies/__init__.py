"""Gateways that the rig brings along, each started with `python -m bench.proxies.NAME PORT PROVIDER_PORT`."""
