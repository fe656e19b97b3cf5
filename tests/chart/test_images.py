"""What goes into the images, as far as it can be seen without building them."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.chart.rendered import ROOT
from tools.images import prune
from tools.images.weight import own_weight

NAMES = ("sidecar", "operator", "ledger", "compressor")
MEMBERS = {
    "sidecar": {"contract", "runtime", "sidecar"},
    "operator": {"contract", "runtime", "policy", "operator"},
    "ledger": {"contract", "runtime", "ledger"},
    "compressor": {"contract", "runtime", "compressor"},
}


def dockerfile(name: str) -> str:
    return (ROOT / f"Dockerfile.{name}").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_an_image_holds_its_own_members_and_hashed_requirements_alone(name: str) -> None:
    text = dockerfile(name)
    assert set(re.findall(r"COPY (\w+)/ccproxy_\1 /app/ccproxy_\1", text)) == MEMBERS[name]
    assert f"COPY requirements/{name}.txt requirements.txt" in text
    assert '"--require-hashes"' in text


@pytest.mark.parametrize("name", NAMES)
def test_an_image_runs_as_a_number_and_starts_without_a_shell(name: str) -> None:
    final = dockerfile(name).rpartition("\nFROM ")[2]
    assert "USER 65532:65532" in final
    assert f'ENTRYPOINT ["/venv/bin/python", "-m", "ccproxy_{name}"]' in final
    for line in dockerfile(name).splitlines():
        if line.startswith("RUN "):
            assert re.fullmatch(r"RUN (--mount=\S+ )*\[.*\]", line), line
            json.loads(line[line.index("[") :])


@pytest.mark.parametrize("name", NAMES)
def test_the_base_is_an_argument_and_its_installers_go(name: str) -> None:
    text = dockerfile(name)
    assert text.count("ARG BASE=python:3.11-slim") == 1
    assert len(re.findall(r"^FROM \$\{BASE\}", text, re.MULTILINE)) == 2
    assert "without_pip.py" in text.rpartition("\nFROM ")[2]


def test_the_compressor_has_the_target_of_its_cpu_arm() -> None:
    assert "FROM ${BASE} AS cpu" in dockerfile("compressor")


def test_a_library_works_without_what_debuggers_read(tmp_path: Path) -> None:
    spec = find_spec("uvloop.loop")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    shutil.copytree(package, tmp_path / "uvloop")
    library = tmp_path / "uvloop" / Path(spec.origin).name
    before = library.stat().st_size
    prune.strip(library)
    assert library.stat().st_size < before / 4
    script = "import uvloop, asyncio; uvloop.run(asyncio.sleep(0)); print(uvloop.__file__)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(tmp_path / "uvloop" / "__init__.py"), done.stderr


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01short"])
def test_what_is_no_64_bit_library_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.so"
    file.write_bytes(content)
    prune.strip(file)
    assert file.read_bytes() == content


def test_an_image_weighs_what_it_adds_to_its_base(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    layers = {"base.tar": {"usr/bin/python3": 5000}, "own.tar": {"app/ccproxy_x/a.py": 300, "etc/passwd": 20}}
    config = {"rootfs": {"diff_ids": ["sha256:base", "sha256:own"]}}
    with tarfile.open(archive, "w") as image:
        put(image, "manifest.json", json.dumps([{"Config": "c.json", "Layers": list(layers)}]).encode())
        put(image, "c.json", json.dumps(config).encode())
        for name, files in layers.items():
            layer = io.BytesIO()
            with tarfile.open(fileobj=layer, mode="w") as inside:
                for path, size in files.items():
                    put(inside, path, b"x" * size)
            put(image, name, layer.getvalue())
    weight = own_weight(archive, {"sha256:base"})
    assert weight.unpacked == 320
    assert 0 < weight.sent < 1000
    assert dict(weight.packages) == {"ccproxy_x": 300, "other": 20}


def put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
