"""The sidecar under cProfile: `python -m bench.profiled STATS_FILE`, started by `profile_sidecar.py`.

The imports before the first call are left out.
"""

import cProfile
import sys

from ccproxy_sidecar.__main__ import main

if __name__ == "__main__":
    profile = cProfile.Profile()
    try:
        profile.runcall(main)
    finally:
        profile.dump_stats(sys.argv[1])
