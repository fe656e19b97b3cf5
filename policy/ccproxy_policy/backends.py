"""A ModelBackend to the contract's Backend, or the reasons why not.

Next: `matching.py`.
"""

from __future__ import annotations

from typing import Final

from ccproxy_contract.names import HEADER_PREFIX
from ccproxy_contract.prices import PriceBook, model_prices
from ccproxy_contract.snapshot import Backend, Credential, Model
from ccproxy_policy.admit import Written
from ccproxy_policy.backend_prices import model_findings, price_key
from ccproxy_policy.compressors import compressor_findings
from ccproxy_policy.credentials import Found
from ccproxy_policy.endpoints import base_url, endpoint_findings
from ccproxy_policy.kinds.model_backend import Model as WrittenModel
from ccproxy_policy.kinds.model_backend import ModelBackend, ModelBackendSpec
from ccproxy_policy.problems import Finding, Findings, PathParts, Problem
from ccproxy_policy.providers import defaults

CREDENTIAL_HEADERS: Final = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"}
)
CONNECTION_HEADERS: Final = frozenset(
    {"host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
     "content-encoding", "accept-encoding", "proxy-connection", "proxy-authenticate"}
)  # fmt: skip
"""Set per attempt by whoever sends it; a fixed value would break the message."""


def backend_from(
    written: Written[ModelBackend], *, key: Found, book: PriceBook, priced_as: str
) -> Backend | list[Problem]:
    """The backend as the sidecar runs it, or its problems. `priced_as`: its name in the price book."""
    spec = written.object.spec
    findings = [*backend_findings(spec), *(() if isinstance(key, Credential) else (key,))]
    if findings or not isinstance(key, Credential):
        return [written.document.problem(*found) for found in findings]
    return _backend(written, key=key, book=book, keys=price_keys(priced_as, spec))


def backend_findings(spec: ModelBackendSpec) -> list[Finding]:
    """What is wrong with the backend's text, whatever else exists."""
    if spec.compressor is not None:
        return [*compressor_findings(spec), *_sharing_findings(spec)]
    if spec.provider is None:
        return [(("spec", "provider"), "is missing; write provider: Anthropic, or another provider")]
    return [*endpoint_findings(spec), *_spec_findings(spec), *model_findings(spec.models), *_sharing_findings(spec)]


def price_keys(name: str, spec: ModelBackendSpec) -> tuple[str, ...]:
    """Where to look for the price of this backend's models: its own prices, under `name`, first."""
    own = (price_key(name),) if any(model.price for model in spec.models) else ()
    return own + defaults(spec.provider).price_keys


def _backend(written: Written[ModelBackend], *, key: Credential, book: PriceBook, keys: tuple[str, ...]) -> Backend:
    spec = written.object.spec
    return Backend(
        name=written.name,
        provider=spec.provider or "Custom",
        url=base_url(spec),
        dialects=tuple(spec.dialects) or defaults(spec.provider).dialects,
        credential=key,
        price_keys=keys,
        headers={header.lower(): value for header, value in spec.headers.items()},
        models=tuple(_model(model, keys, book) for model in spec.models),
        ca_bundle=spec.endpoint.ca_bundle.pem if spec.endpoint.ca_bundle else "",
        region=spec.region or "",
    )


def _model(model: WrittenModel, keys: tuple[str, ...], book: PriceBook) -> Model:
    """Context limits as written, else as the public data knows them."""
    window = model.context_window
    if window is None:
        known = (model_prices(book, (key,), model.name) for key in keys)
        window = next((entry.context_window for entry in known if entry and entry.context_window), None)
    return Model(name=model.name, context_window=window, max_output_tokens=model.max_output_tokens)


def _sharing_findings(spec: ModelBackendSpec) -> Findings:
    allowed = spec.allowed_namespaces
    here: PathParts = ("spec", "allowedNamespaces", "selector")
    if allowed.from_ == "Selector" and allowed.selector is None:
        yield here, "is missing; write selector: {matchLabels: {LABEL: VALUE}}, or from: All"
    if allowed.from_ != "Selector" and allowed.selector is not None:
        yield here, "goes with from: Selector; write that, or leave selector out"


def _spec_findings(spec: ModelBackendSpec) -> Findings:
    if not spec.dialects and not defaults(spec.provider).dialects:
        yield ("spec", "dialects"), f"is missing; {spec.provider} needs the dialects it speaks, like [openai-chat]"
    if len(set(spec.dialects)) != len(spec.dialects):
        yield ("spec", "dialects"), "a dialect stands twice; write each once"
    seen: set[str] = set()
    for header in spec.headers:
        here: PathParts = ("spec", "headers", header)
        if header.lower() in seen:
            yield here, "stands twice (header names ignore case); keep one of them"
        seen.add(header.lower())
        if header.lower() in CREDENTIAL_HEADERS:
            yield here, "carries a credential; write it under `credentials`, never in a spec"
        elif header.lower() in CONNECTION_HEADERS or header.lower().startswith(HEADER_PREFIX):
            yield here, "is set by ccproxy for each attempt; leave it out"
