"""What may stand in a ModelBackend with `compressor`, beyond its shape.

Must not know how one is run (the operator does). Next: `backends.py`.
"""

from __future__ import annotations

from typing import Final

from ccproxy_policy.kinds.model_backend import ModelBackendSpec
from ccproxy_policy.problems import Findings

_SHARED: Final = frozenset({"compressor", "allowed_namespaces"})
_GPU_ALONE: Final = ("model", "quantization", "adapter_ref", "gpu")


def compressor_findings(spec: ModelBackendSpec) -> Findings:
    """Fields that belong to a provider, and fields that do not go with the engine."""
    fields = type(spec).model_fields
    for name in sorted(spec.model_fields_set - _SHARED):
        if name == "provider":
            yield ("spec", "compressor"), "has both provider and compressor; keep one of them"
        else:
            yield ("spec", fields[name].alias or name), "belongs to a provider, a compressor has none; leave it out"
    if spec.compressor is None:
        return
    inside = type(spec.compressor).model_fields
    if spec.compressor.engine == "Cpu":
        for name in _GPU_ALONE:
            if getattr(spec.compressor, name) is not None:
                path = ("spec", "compressor", inside[name].alias or name)
                yield path, "goes with engine: QRHead; leave it out"
    elif spec.compressor.model is None:
        yield ("spec", "compressor", "model"), "is missing; write model: mistralai/Mistral-7B-v0.2, or another model"
