"""The models that a caller may name, in any dialect: what backends list, else what the price book knows of them.

Must not ask a provider. Next: `dialects/dialect.py`.
"""

from __future__ import annotations

from ccproxy_contract.prices import ModelPrices
from ccproxy_contract.pricing import period_at
from ccproxy_contract.snapshot import Backend, DialectName, Model, Snapshot
from ccproxy_sidecar.providers.table import PROVIDERS


def listed_models(snapshot: Snapshot, dialect: DialectName, *, now_ms: int) -> list[Model]:
    """Models of the backends that speak `dialect`, each name once, in the order of the backends."""
    found: dict[str, Model] = {}
    for backend in snapshot.backends:
        if dialect not in backend.dialects:
            continue
        for model in backend.models or _known(snapshot, backend, now_ms):
            found.setdefault(model.name, model)
    return list(found.values())


def _known(snapshot: Snapshot, backend: Backend, now_ms: int) -> list[Model]:
    entries = [entry for key in backend.price_keys for entry in snapshot.book.keys.get(key, ())]
    foreign = PROVIDERS[backend.provider].not_served
    return [_model(entry) for entry in entries if period_at(entry, now_ms) is not None and _callable(entry, foreign)]


def _callable(entry: ModelPrices, foreign: tuple[str, ...]) -> bool:
    """Whether the entry's id is a name to call; `ft:gpt-4o-` stands for all fine-tuned ones."""
    return not entry.id.startswith(foreign) and not entry.id.startswith("ft:") and not entry.id.endswith("-")


def _model(entry: ModelPrices) -> Model:
    return Model(name=entry.id, context_window=entry.context_window)
