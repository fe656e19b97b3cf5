"""What the API server itself refuses, in CEL: rules across fields that a schema cannot say, each with its sentence.

The same things are said by compile for a laptop; here they keep bad objects out of a cluster. Fields are named as
users write them. Must stay within the API server's cost limits (every list and string is bounded).
Source: kubernetes.io/docs/reference/using-api/cel, 2026-11. Next: `crds.py`.
"""

from __future__ import annotations

from typing import Final

Checks = tuple[tuple[str, str], ...]
"""Expression that must hold, and what to write instead."""

CHECKS: Final[dict[str, Checks]] = {
    "Treatment": (
        ("!(has(self.route) && has(self.deny))", "write route or deny, not both"),
    ),
    "PromptTokens": (
        ("!has(self.min) || !has(self.max) || self.min <= self.max", "min is above max: no call has so many tokens"),
    ),
    "Rule": (
        ("!(self.name in ['default', 'none'])", "`default` and `none` have meanings of their own; choose another name"),
    ),
    "RoutingPolicySpec": (
        ("!has(self.default) || has(self.default.route) || has(self.default.deny)",
         "a default needs route or deny; or leave `default` out"),
        ("has(self.default) || !has(self.rules) || "
         "self.rules.all(r, has(r.then) && (has(r.then.route) || has(r.then.deny)))",
         "a rule without route and deny needs the policy's `default`"),
    ),
    "Credentials": (
        ("!has(self.env)", "a cluster has no environment to read keys from; write secretRef {name, key}"),
        ("has(self.secretRef) != has(self.passThrough)", "write exactly one of secretRef and passThrough"),
    ),
    "ModelBackendSpec": (
        ("has(self.provider) != has(self.compressor)", "write exactly one of provider and compressor"),
        ("!has(self.compressor) || !has(self.credentials)", "a compressor needs no credentials; leave them out"),
        ("!has(self.provider) || !(self.provider in ['AzureOpenAI', 'LocalAI', 'VLLM', 'TGI', 'Custom']) || "
         "(has(self.endpoint) && has(self.endpoint.url))",
         "this provider has no address of its own; write endpoint.url"),
        ("!has(self.provider) || self.provider != 'Custom' || (has(self.dialects) && size(self.dialects) > 0)",
         "a Custom provider needs the dialects it speaks, like [openai-chat]"),
    ),
    "Endpoint": (
        ("!has(self.url) || self.url.startsWith('https://') || self.url.startsWith('http://')",
         "write https://HOST[:PORT][/PATH]"),
        ("!has(self.url) || !self.url.contains('@')",
         "an address must not hold a user or password; use `credentials`"),
    ),
    "AllowedNamespaces": (
        ("(has(self.from) && self.from == 'Selector') == has(self.selector)",
         "write selector with `from: Selector`, and only then"),
    ),
    "Compressor": (
        ("self.engine == 'QRHead' || "
         "!(has(self.model) || has(self.quantization) || has(self.adapterRef) || has(self.gpu))",
         "engine Cpu has no model and no GPU; leave model, quantization, adapterRef and gpu out"),
    ),
}  # fmt: skip
"""By the name of the class that `kinds/` gives the part."""
