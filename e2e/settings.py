"""What the end-to-end suite reads of its environment. Next: `clusters.py`."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEEP = os.environ.get("CCPROXY_E2E_KEEP") == "1"
"""Leave the cluster running at the end, to look at it."""
REUSE = os.environ.get("CCPROXY_E2E_REUSE") == "1"
"""Use the cluster and the images that an earlier run left running."""
PROGRAMS = Path(os.environ.get("LOCALKUBE_HOME", "~/.cache/localkube")).expanduser() / "bin"
IMAGES = Path(os.environ.get("CCPROXY_E2E_IMAGES", "~/.cache/ccproxy-e2e")).expanduser()
"""Where image archives are kept between runs."""
