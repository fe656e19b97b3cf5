"""ModelBackend: one provider endpoint with its credentials, models and prices, or a compressor.

Must not hold defaults that differ per provider (`providers.py` does). Next: `compressor.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ccproxy_contract.snapshot import DialectName, Provider
from ccproxy_policy.kinds.compressor import Compressor
from ccproxy_policy.kinds.metadata import Labels, Metadata
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import HeaderName, HeaderValue, ModelName, Money, Name, SecretKey, Tokens, Variable


class CaBundle(Strict):
    """Certificates to trust instead of the system's."""

    pem: Annotated[str, Field(min_length=1, max_length=262_144)]
    """PEM certificates, one after the other."""


class Endpoint(Strict):
    """Where the provider is: what the provider's own SDK takes as base URL."""

    planned: ClassVar[frozenset[str]] = frozenset({"http2"})

    url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Base URL; the provider's own where it is left out."""
    ca_bundle: CaBundle | None = None
    """For a server with a private certificate authority."""


class SecretRef(Strict):
    """One value of a Secret."""

    name: Name
    """Name of the Secret."""
    key: SecretKey
    """Key inside the Secret."""


class Credentials(Strict):
    """Exactly one of: a Secret, an environment variable (laptop), or the client's own key or login."""

    secret_ref: SecretRef | None = None
    """A value of a Secret."""
    env: Variable | None = None
    """An environment variable of ccproxy (laptop only; on a cluster write a Secret)."""
    pass_through: Literal[True] | None = None
    """The client's own key or login goes on."""


class PriceTier(Strict):
    """Rates for ALL tokens of a call whose total input is above the threshold; a missing rate is the normal one."""

    above_input_tokens: Annotated[int, Field(ge=1, le=100_000_000)]
    """Total input tokens from which on, exclusive, the tier holds."""
    input_per_m_tok: Annotated[Money | None, Field(alias="inputPerMTok")] = None
    """Uncached input."""
    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    """Input read from the cache."""
    cache_write_per_m_tok: Annotated[Money | None, Field(alias="cacheWritePerMTok")] = None
    """Input written to the cache for five minutes."""
    cache_write_1h_per_m_tok: Annotated[Money | None, Field(alias="cacheWrite1hPerMTok")] = None
    """Input written to the cache for an hour."""
    output_per_m_tok: Annotated[Money | None, Field(alias="outputPerMTok")] = None
    """Output, reasoning included."""


class Price(Strict):
    """US dollars per million tokens; a missing cache rate is the input rate."""

    input_per_m_tok: Annotated[Money, Field(alias="inputPerMTok")]
    """Uncached input."""
    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    """Input read from the cache."""
    cache_write_per_m_tok: Annotated[Money | None, Field(alias="cacheWritePerMTok")] = None
    """Input written to the cache for five minutes."""
    cache_write_1h_per_m_tok: Annotated[Money | None, Field(alias="cacheWrite1hPerMTok")] = None
    """Input written to the cache for an hour."""
    output_per_m_tok: Annotated[Money, Field(alias="outputPerMTok")]
    """Output, reasoning included."""
    tiers: Annotated[list[PriceTier], Field(max_length=8)] = []
    """Other rates for long calls, by rising threshold."""


class Model(Strict):
    """A model that the backend offers; public ones need no price."""

    name: ModelName
    """As the provider calls it."""
    context_window: Annotated[Tokens, Field(ge=1)] | None = None
    """Tokens that fit in a call."""
    max_output_tokens: Annotated[Tokens, Field(ge=1)] | None = None
    """Tokens that an answer may have."""
    price: Price | None = None
    """What it costs here; known for public models."""


class NamespaceSelector(Strict):
    """Namespaces by their labels."""

    match_labels: Annotated[Labels, Field(min_length=1)]
    """Labels a namespace must carry."""


class AllowedNamespaces(Strict):
    """Whose policies may send calls here; sharing a backend lets them spend its credentials."""

    from_: Annotated[Literal["Same", "All", "Selector"], Field(alias="from")] = "Same"
    """Same: this namespace alone. Selector: namespaces with the labels under `selector`, too."""
    selector: NamespaceSelector | None = None
    """With `from: Selector`: which."""


class ModelBackendSpec(Strict):
    """One provider endpoint, or a compressor that the operator runs: exactly one of `provider` and `compressor`."""

    planned: ClassVar[frozenset[str]] = frozenset({"egressProxy", "health", "limits", "pool", "queue"})

    provider: Provider | None = None
    """Whose API it is; decides address, dialects, credentials header and public prices."""
    compressor: Compressor | None = None
    """A compressor that the operator runs (cluster only); calls are not routed to it."""
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    """Which other namespaces may use it (cluster only); none unless told."""
    endpoint: Endpoint = Endpoint()
    """Where it is."""
    dialects: Annotated[list[DialectName], Field(max_length=5)] = []
    """Wire formats it speaks; the provider's where none is written."""
    credentials: Credentials | None = None
    """What it is called with; models that we run ourselves need none."""
    region: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Where it computes; reported with usage."""
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=32)] = {}
    """Sent with every attempt. Never credentials."""
    models: Annotated[list[Model], Field(max_length=500)] = []
    """What it offers."""


class ModelBackend(Strict):
    """A provider endpoint that calls can be routed to, or a compressor that the operator runs."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["ModelBackend"]
    metadata: Metadata
    spec: ModelBackendSpec
