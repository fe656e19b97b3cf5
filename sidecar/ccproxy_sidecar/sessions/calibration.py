"""What providers' counts teach about a model: tokens per byte of body, and tokens per o200k token.

Floats are fine here: nothing of this becomes money. Must not know sessions. Next: `memory.py`.
"""

from __future__ import annotations

from collections import OrderedDict

MAX_MODELS = 256
START_TOKENS_PER_BYTE = 0.27
"""Agent text under o200k has 0.19 tokens per byte, English and code 0.25 to 0.3 (performance.md §3.2)."""
LEAST_TOKENS_PER_BYTE = 0.08
"""Half of what the most repetitive agent text has; below, most of the body was no text."""
WEIGHT = 0.2
"""How much the newest report counts; about ten calls forget the start."""
LEAST_BYTES = 1_000
"""Shorter prompts teach nothing: the provider's own frame outweighs their text."""


class Learned:
    __slots__ = ("factor", "tokens_per_byte")

    def __init__(self) -> None:
        self.tokens_per_byte = START_TOKENS_PER_BYTE
        self.factor = 1.0


class Calibration:
    """Per model, bounded; the model that was used longest ago is forgotten first."""

    __slots__ = ("_models",)

    def __init__(self) -> None:
        self._models: OrderedDict[str, Learned] = OrderedDict()

    def tokens_per_byte(self, model: str) -> float:
        learned = self._models.get(model)
        return learned.tokens_per_byte if learned is not None else START_TOKENS_PER_BYTE

    def factor(self, model: str) -> float:
        """Tokens the model's provider reports per token that o200k counts; 1.0 until learned."""
        learned = self._models.get(model)
        return learned.factor if learned is not None else 1.0

    def learn_bytes(self, model: str, *, tokens: int, body_bytes: int) -> None:
        """A provider reported `tokens` for a body of `body_bytes`; rates that no text has (pictures) are left out."""
        if body_bytes < LEAST_BYTES or not LEAST_TOKENS_PER_BYTE <= tokens / body_bytes <= 1:
            return
        learned = self._learned(model)
        learned.tokens_per_byte += WEIGHT * (tokens / body_bytes - learned.tokens_per_byte)

    def learn_factor(self, model: str, *, tokens: int, counted: int) -> None:
        """A provider reported `tokens` where o200k counted `counted`; beyond a factor of 3 it was not the text."""
        if counted < LEAST_BYTES // 4 or not counted / 3 <= tokens <= counted * 3:
            return
        learned = self._learned(model)
        learned.factor += WEIGHT * (tokens / counted - learned.factor)

    def _learned(self, model: str) -> Learned:
        learned = self._models.get(model)
        if learned is None:
            learned = self._models[model] = Learned()
            if len(self._models) > MAX_MODELS:
                self._models.popitem(last=False)
        else:
            self._models.move_to_end(model)
        return learned
