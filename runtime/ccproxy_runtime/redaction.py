"""Takes everything out of a text that looks like a key.

Rather takes out too much. Must not be the only guard: nobody logs headers or bodies in the first place.
Next: `metrics.py`.
"""

from __future__ import annotations

import re

HIDDEN = "[redacted]"

_LOOKS_SECRET = (
    (re.compile(r"\b(?:[srp]k|rk|whsec|xox[a-z]|gh[opusr]|gsk|hf|glpat|AKIA|ya29)[-_.][\w.\-~+/=]{6,}"), HIDDEN),
    (re.compile(r"\bgithub_pat_\w{10,}"), HIDDEN),
    (re.compile(r"\bAIza[\w\-]{10,}"), HIDDEN),
    (re.compile(r"\beyJ[\w\-]{5,}\.[\w\-]{5,}(?:\.[\w\-]*)?"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)[ \t]+[^\s\"',;]+"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)\b(x-api-key|api[-_]?key|x-goog-api-key|authorization|password|passwd|secret|access_token|token|key)"
            r"(\\?[\"']?\s*[:=]\s*\\?[\"']?)(?!\[redacted\])(?!(?:bearer|basic)\s)[^\s\"',;&\\}\]]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.\-]*://[^\s:/@?#]*):[^\s/?#]*@"), rf"\1:{HIDDEN}@"),
)


def redacted(text: str) -> str:
    """`text` without what looks like a key, a token or the password of an address."""
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return text
