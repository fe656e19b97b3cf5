"""The part of a ModelBackend that describes a compressor: what the operator runs as a Deployment.

Must not say how it is run (the operator does). Next: `tenant.py`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import LABEL_VALUE, ModelName

Product = Annotated[str, Field(pattern=LABEL_VALUE, max_length=63)]
A10: Final = ("NVIDIA-A10", "NVIDIA-A10-SHARED", "NVIDIA-A10G")
"""As the label `nvidia.com/gpu.product` of a node names them; shared: with time slicing, A10G: rented in clouds."""


class Gpu(Strict):
    """The GPU of each replica."""

    product: Annotated[list[Product], Field(min_length=1, max_length=16)] = list(A10)
    """Values of the node label `nvidia.com/gpu.product`; any of them."""
    count: Annotated[int, Field(ge=1, le=8)] = 1
    """GPUs per replica."""


class Compressor(Strict):
    """Runs as a Deployment in the system namespace, whatever the namespace of its ModelBackend."""

    engine: Literal["QRHead", "Cpu"]
    """QRHead: a model on a GPU. Cpu: folds alone, no GPU."""
    model: ModelName | None = None
    """With QRHead: the model whose attention judges."""
    quantization: Literal["None", "Int8", "Int4"] | None = None
    """With QRHead: the width of its weights; None where it is left out."""
    adapter_ref: Annotated[ModelName | None, Field(alias="adapterRef")] = None
    """With QRHead: trained weights on top of the model."""
    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    """Pods that answer."""
    gpu: Gpu | None = None
    """With QRHead: the GPU of each replica; an A10 where it is left out."""
