"""`python -m bench.peers`: installs LiteLLM, Portkey and claude-code-router under `.perf/` for `make bench`.

Versions are fixed, so that figures of two machines speak of the same programs. About 1.2 GB.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench import places

LITELLM_VERSION = "1.106.2"


def main() -> int:
    places.PERF.mkdir(parents=True, exist_ok=True)
    done = [_install_litellm(), _install_node_peers()]
    return 0 if all(done) else 1


def _install_litellm() -> bool:
    if places.LITELLM.exists():
        print(f"litellm is installed in {places.LITELLM.parent.parent}")
        return True
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        print("litellm needs uv: pip install uv")
        return False
    folder = places.LITELLM.parent.parent
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin/python")
    subprocess.run([uv, "pip", "install", "--python", python, f"litellm[proxy]=={LITELLM_VERSION}"], check=True)
    return True


def _install_node_peers() -> bool:
    npm = shutil.which("npm")
    if npm is None:
        print("portkey and ccr need Node 20 or later with npm")
        return False
    folder = places.NODE_MODULES.parent
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(places.BENCH / "peers-package.json", folder / "package.json")
    subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
