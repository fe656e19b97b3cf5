"""The two programs that can build an image here: docker where its daemon answers, else buildah without one.

The host's pip configuration and root certificates are lent to the build as secrets and stay out of the image.
Must not know which images there are. Next: `weight.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from e2e.localkube.config import BASE_IMAGE
from e2e.localkube.images import BUILDAH, base_image

LENT = {"pip": Path("/etc/pip.conf"), "roots": Path("/etc/ssl/certs/ca-certificates.crt")}
"""Secret's name in the Dockerfiles, and where this machine keeps the file."""
BASE = "python:3.11-slim"


class Engine:
    """One way to build; `build` and `save` raise `subprocess.CalledProcessError`."""

    def __init__(self, build: tuple[str, ...], save: tuple[str, ...], base: tuple[str, ...]) -> None:
        self._build, self._save, self._base = build, save, base

    def build(self, image: str, *, dockerfile: Path, arguments: Mapping[str, str], context: Path) -> None:
        """Build `image`; unchanged layers are taken from the last time."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        lent = [f"--secret=id={name},src={path}" for name, path in LENT.items() if path.exists()]
        command = [*self._build, *given, *lent, f"--tag={image}", f"--file={dockerfile}", str(context)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-4000:], done.stderr[-4000:], sep="\n")
            done.check_returncode()

    def save(self, image: str, archive: Path) -> None:
        """Write `image` as a Docker archive."""
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.unlink(missing_ok=True)
        words = [word.format(image=image, archive=archive) for word in self._save]
        subprocess.run(words, check=True, capture_output=True)

    def base_layers(self) -> list[str]:
        """Digests of the base's unpacked layers."""
        done = subprocess.run(self._base, check=True, capture_output=True, text=True)
        return re.findall(r"sha256:[0-9a-f]{64}", done.stdout)


def engine() -> Engine:
    """Docker, else buildah. Raises `RuntimeError` where neither is at hand."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return Engine(
            ("docker", "buildx", "build", "--load"),
            ("docker", "save", "--output={archive}", "{image}"),
            ("docker", "image", "inspect", "--format={{.RootFS.Layers}}", BASE),
        )
    if shutil.which("buildah") is None:
        raise RuntimeError(
            "neither a docker daemon nor buildah is at hand (Debian: apt-get install buildah mmdebstrap)"
        )
    base_image()
    return Engine(
        (*BUILDAH, "bud", "--isolation=chroot", "--pull-never", "--layers"),
        (*BUILDAH, "push", "{image}", "docker-archive:{archive}:{image}"),
        (*BUILDAH, "inspect", "--type=image", "--format={{.OCIv1.RootFS.DiffIDs}}", BASE_IMAGE),
    )
