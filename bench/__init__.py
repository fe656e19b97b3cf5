"""The benchmark rig: what ccproxy costs beside nginx, a lean gateway and the gateways that people install.

Linux with two cores. Core 0 carries the fake provider and the load, core 1 the gateway under test with all its
threads and children. Next: `__main__.py`.
"""
