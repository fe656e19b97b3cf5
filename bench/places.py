"""Where the rig keeps what it builds, and the ports it uses. Next: `building.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BENCH: Final = ROOT / "bench"
PERF: Final = Path(os.environ.get("PERF", ROOT / ".perf")).resolve()
"""Everything that is not committed: binaries, bodies, peers, logs, results."""
PYTHON: Final = sys.executable

LOAD: Final = PERF / "lg"
PROVIDER: Final = PERF / "upstream"
BODIES: Final = PERF / "bodies"
LOGS: Final = PERF / "logs"
RESULT: Final = PERF / "result.json"
LITELLM: Final = PERF / "venv-litellm/bin/litellm"
NODE_MODULES: Final = PERF / "npm/node_modules"

BURST_PORT: Final = 18001
"""Fake provider that sends a stream's chunks at once."""
PACED_PORT: Final = 18002
"""Fake provider with 20 ms between chunks."""
SLOW_PORT: Final = 18003
"""Fake provider with 1 s between chunks and streams that outlive a measurement."""
GATEWAY_OFFSET: Final = 100
"""nginx listens at its provider's port plus this; every other gateway at `GATEWAY_PORT`."""
GATEWAY_PORT: Final = BURST_PORT + GATEWAY_OFFSET

LOAD_CORE: Final = "0"
GATEWAY_CORE: Final = "1"
