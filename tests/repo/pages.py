"""The pages of docs/ as tests see them: fenced blocks, links, headings and command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_OTHERS = ("README.md", "CONTRIBUTING.md", "e2e/README.md", "e2e/localkube/README.md", "charts/ccproxy/README.md")
READ = [*PAGES, *(path for path in map(ROOT.joinpath, _OTHERS) if path.exists())]
"""Pages whose links and command lines must hold, also those of others."""

_BLOCK = re.compile(r"^```(?P<mark>[\w ]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_INLINE = re.compile(r"`(ccproxy [^`\n]+)`")


class Block(NamedTuple):
    """A fenced block. `line` counts from 1."""

    page: Path
    line: int
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["mark"], found["text"])
        for found in _BLOCK.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _BLOCK.sub("", page.read_text())


def links(page: Path) -> list[str]:
    return [found["target"] for found in _LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """How headings are linked to, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command_lines(page: Path) -> Iterator[str]:
    """Every `ccproxy …` of the page, in blocks and in the text."""
    for block in blocks(page):
        if block.mark in ("sh", "bash", "console"):
            for line in block.text.splitlines():
                bare = line.strip().removeprefix("$ ").removeprefix(".venv/bin/").split(" #")[0].rstrip(" &")
                bare = bare.split("| ")[-1] if "| ccproxy" in bare else bare.split(" | ")[0]
                if bare.startswith("ccproxy "):
                    yield bare
    yield from _INLINE.findall(prose(page))
