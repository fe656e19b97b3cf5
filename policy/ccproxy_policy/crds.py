"""CustomResourceDefinitions of the three kinds, made from the same models that read them.

Kubernetes takes a subset of JSON schema ("structural"): no references, no unions, no rules about keys. What that
subset cannot say (exactly one of, min below max, RE2) the compiler says. Must not write files (`tools/crds.py` does).
Source: kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions, 2026-11. This is the
last file of the walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from ccproxy_contract.names import API_VERSION, GROUP
from ccproxy_policy.cel import CHECKS
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.tenant import Tenant

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind is called and listed by kubectl."""

    kind: type[Strict]
    plural: str
    short: str
    scope: str
    columns: tuple[tuple[str, str, str], ...] = ()
    """Name, type and JSON path of each column before the conditions and Age."""
    conditions: tuple[str, ...] = ("Accepted",)
    """Those that are shown as columns."""
    selectable: tuple[str, ...] = ()
    """JSON paths that `kubectl get --field-selector` knows (Kubernetes 1.32; an older one leaves them out)."""


RESOURCES: Final = (
    Resource(
        RoutingPolicy,
        "routingpolicies",
        "rp",
        "Namespaced",
        (
            ("Priority", "integer", ".spec.priority"),
            ("Mode", "string", ".spec.mode"),
            ("In sync", "integer", ".status.sidecars.inSync"),
            ("Sidecars", "integer", ".status.sidecars.selected"),
        ),
        ("Accepted", "ResolvedRefs", "Programmed"),
        (".spec.mode",),
    ),
    Resource(
        ModelBackend,
        "modelbackends",
        "mb",
        "Namespaced",
        (
            ("Provider", "string", ".spec.provider"),
            ("Engine", "string", ".spec.compressor.engine"),
            ("URL", "string", ".spec.endpoint.url"),
        ),
        ("Accepted", "ResolvedRefs"),
        (".spec.provider", ".spec.compressor.engine"),
    ),
    Resource(Tenant, "tenants", "tn", "Cluster", (("Namespaces", "integer", ".status.namespaces"),)),
)

_COPIED: Final = (
    "type", "description", "pattern", "maxLength", "minLength", "minimum", "maximum", "maxItems", "minItems",
    "maxProperties", "enum",
)  # fmt: skip
_ANY: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}
"""A value of several types: a structural schema has no unions."""

_WORD: Final[Schema] = {"type": "string", "maxLength": 316}
_COUNT: Final[Schema] = {"type": "integer", "format": "int32", "minimum": 0}
_STATUS: Final[Schema] = {
    "type": "object",
    "description": "What the data plane really runs of this object.",
    "properties": {
        "observedGeneration": {"type": "integer", "format": "int64"},
        "sidecars": {
            "type": "object",
            "description": "Injected pods that this policy selects, and how many of them run it as it is now.",
            "properties": {"selected": _COUNT, "inSync": _COUNT, "rejected": _COUNT},
        },
        "namespaces": {**_COUNT, "description": "How many namespaces this tenant pays for."},
        "conditions": {
            "type": "array",
            "maxItems": 16,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "lastTransitionTime", "reason", "message"],
                "properties": {
                    "type": _WORD,
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                    "lastTransitionTime": {"type": "string", "format": "date-time", "maxLength": 64},
                    "reason": {"type": "string", "maxLength": 1024},
                    "message": {"type": "string", "maxLength": 32768},
                },
            },
        },
    },
}


def crd_files() -> dict[str, str]:
    """File name and YAML text of each definition."""
    head = "# Made from policy/ccproxy_policy/kinds by `python -m tools.crds`; edit the kinds, not this file.\n"
    return {f"{resource.plural}.yaml": head + _yaml(definition(resource)) for resource in RESOURCES}


class _Plain(yaml.SafeDumper):
    """Writes shared parts out instead of as aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 the signature is yaml's
        return True


def _yaml(value: Schema) -> str:
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)


def definition(resource: Resource) -> Schema:
    """The CustomResourceDefinition of one kind."""
    name = resource.kind.__name__
    names = {
        "kind": name,
        "listKind": f"{name}List",
        "plural": resource.plural,
        "singular": name.lower(),
        "shortNames": [resource.short],
        "categories": ["ccproxy"],
    }
    version = {
        "name": API_VERSION.removeprefix(f"{GROUP}/"),
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": structural(resource.kind)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": _columns(resource),
    }
    if resource.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in resource.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": resource.scope, "names": names, "versions": [version]},
    }


def _columns(resource: Resource) -> list[Schema]:
    states = [(name, "string", f'.status.conditions[?(@.type=="{name}")].status') for name in resource.conditions]
    age = ("Age", "date", ".metadata.creationTimestamp")
    columns = (*resource.columns, *states, age)
    return [{"name": name, "type": kind, "jsonPath": path} for name, kind, path in columns]


def structural(kind: type[Strict]) -> Schema:
    """The structural schema of a kind, with Kubernetes' own metadata and a status."""
    whole = kind.model_json_schema(by_alias=True)
    schema = _structural(whole, whole.get("$defs", {}))
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "status": _STATUS,
    }
    schema["required"] = [name for name in schema.get("required", []) if name == "spec"]
    return {key: value for key, value in schema.items() if value != []}


def _structural(schema: Schema, definitions: Schema) -> Schema:
    found = _resolved(schema, definitions)
    if "anyOf" in found:
        return dict(_ANY)
    made: Schema = _checked(found) | {key: found[key] for key in _COPIED if key in found}
    if "const" in found:
        made["enum"] = [found["const"]]
    if found.get("type") == "integer":
        made["format"] = "int64"
    if isinstance(found.get("default"), str | int) and "const" not in found:
        made["default"] = found["default"]
    if "items" in found:
        made["items"] = _structural(found["items"], definitions)
        if "name" in made["items"].get("required", []):
            made |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    if "properties" in found:
        made["properties"] = {key: _structural(part, definitions) for key, part in found["properties"].items()}
    elif found.get("type") == "object" and (values := _map_values(found)) is not None:
        made["additionalProperties"] = _structural(values, definitions)
    if found.get("required"):
        made["required"] = list(found["required"])
    return made


def _checked(schema: Schema) -> Schema:
    """The rules of CEL for a part, and how a list of named parts is merged: by name."""
    made: Schema = {}
    checks = CHECKS.get(schema.get("title", "")) if schema.get("type") == "object" else None
    if checks:
        made["x-kubernetes-validations"] = [{"rule": rule, "message": message} for rule, message in checks]
    return made


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """The schema without references and without `null` as a choice; what stands beside them wins."""
    beside = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
    if "$ref" in schema:
        return {**definitions[schema["$ref"].removeprefix("#/$defs/")], **beside}
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_resolved(choices[0], definitions), **beside}
    return schema


def _map_values(schema: Schema) -> Schema | None:
    """What the values of a map are; rules about its keys cannot be said."""
    by_pattern = list(schema.get("patternProperties", {}).values())
    values = by_pattern[0] if by_pattern else schema.get("additionalProperties")
    return values if isinstance(values, dict) else None
