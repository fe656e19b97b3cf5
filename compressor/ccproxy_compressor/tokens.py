"""How many tokens a text has, in the tokenizer that is named with every answer: o200k_base, bundled with its package.

Must not fetch anything. Next: `work.py`.
"""

from __future__ import annotations

from typing import Final

from rs_bpe.bpe import openai

TOKENIZER: Final = "o200k_base"
_count = openai.o200k_base().count


def count(text: str) -> int:
    """Tokens of `text`."""
    return int(_count(text)) if text else 0
