"""ModelBackend: one provider endpoint with its credentials, models and prices.

Must not hold defaults that differ per provider (`providers.py` does). Next: `tenant.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ccproxy_contract.snapshot import DialectName, Provider
from ccproxy_policy.kinds.metadata import Metadata
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import HeaderName, HeaderValue, ModelName, Money, Name, SecretKey, Tokens, Variable


class CaBundle(Strict):
    """Certificates to trust instead of the system's."""

    pem: Annotated[str, Field(min_length=1, max_length=262_144)]


class Endpoint(Strict):
    """Where the provider is: what the provider's own SDK takes as base URL."""

    planned: ClassVar[frozenset[str]] = frozenset({"http2"})

    url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    ca_bundle: CaBundle | None = None


class SecretRef(Strict):
    """One value of a Secret."""

    name: Name
    key: SecretKey


class Credentials(Strict):
    """Exactly one of: a Secret, an environment variable (laptop), or the client's own key or login."""

    secret_ref: SecretRef | None = None
    env: Variable | None = None
    pass_through: Literal[True] | None = None


class PriceTier(Strict):
    """Rates for ALL tokens of a call whose total input is above the threshold; a missing rate is the normal one."""

    above_input_tokens: Annotated[int, Field(ge=1, le=100_000_000)]
    input_per_m_tok: Annotated[Money | None, Field(alias="inputPerMTok")] = None
    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    cache_write_per_m_tok: Annotated[Money | None, Field(alias="cacheWritePerMTok")] = None
    cache_write_1h_per_m_tok: Annotated[Money | None, Field(alias="cacheWrite1hPerMTok")] = None
    output_per_m_tok: Annotated[Money | None, Field(alias="outputPerMTok")] = None


class Price(Strict):
    """US dollars per million tokens; a missing cache rate is the input rate."""

    input_per_m_tok: Annotated[Money, Field(alias="inputPerMTok")]
    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    cache_write_per_m_tok: Annotated[Money | None, Field(alias="cacheWritePerMTok")] = None
    cache_write_1h_per_m_tok: Annotated[Money | None, Field(alias="cacheWrite1hPerMTok")] = None
    output_per_m_tok: Annotated[Money, Field(alias="outputPerMTok")]
    tiers: Annotated[list[PriceTier], Field(max_length=8)] = []


class Model(Strict):
    """A model that the backend offers; public ones need no price."""

    name: ModelName
    context_window: Annotated[Tokens, Field(ge=1)] | None = None
    max_output_tokens: Annotated[Tokens, Field(ge=1)] | None = None
    price: Price | None = None


class ModelBackendSpec(Strict):
    """One provider endpoint."""

    planned: ClassVar[frozenset[str]] = frozenset(
        {"allowedNamespaces", "compressor", "egressProxy", "health", "limits", "pool", "queue"}
    )

    provider: Provider
    endpoint: Endpoint = Endpoint()
    dialects: Annotated[list[DialectName], Field(max_length=5)] = []
    credentials: Credentials | None = None
    region: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=32)] = {}
    models: Annotated[list[Model], Field(max_length=500)] = []


class ModelBackend(Strict):
    """A provider endpoint that calls can be routed to."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["ModelBackend"]
    metadata: Metadata
    spec: ModelBackendSpec
