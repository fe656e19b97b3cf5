"""The definitions are structural schemas that say what the kinds say, and the files in crds/ are they."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccproxy_policy.crds import RESOURCES, Resource, crd_files, structural
from tools import crds

KEYWORDS = {
    "type", "description", "pattern", "maxLength", "minLength", "minimum", "maximum", "maxItems", "minItems",
    "maxProperties", "enum", "format", "default", "items", "properties", "additionalProperties", "required",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
}  # fmt: skip


def _schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from _schemas(part, f"{path}.{name}")
    for inside in ("items", "additionalProperties"):
        if inside in schema:
            yield from _schemas(schema[inside], f"{path}.{inside}")


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_each_schema_is_structural_and_bounded(resource: Resource) -> None:
    for path, schema in _schemas(structural(resource.kind), resource.plural):
        assert set(schema) <= KEYWORDS, path
        assert not ("properties" in schema and "additionalProperties" in schema), path
        if "x-kubernetes-preserve-unknown-fields" in schema:
            continue
        bounds = {"array": "maxItems", "string": "maxLength"}
        bound = "maxProperties" if "additionalProperties" in schema else bounds.get(schema["type"], "type")
        assert bound in schema or "enum" in schema or path.count(".") == 1, path


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_each_field_of_a_spec_is_described(resource: Resource) -> None:
    spec = structural(resource.kind)["properties"]["spec"]

    for path, schema in _schemas(spec, "spec"):
        if not path.endswith(("items", "additionalProperties")):
            assert schema.get("description"), path


def test_the_schema_says_what_the_kind_says() -> None:
    spec = structural(RESOURCES[0].kind)["properties"]["spec"]
    match = spec["properties"]["rules"]["items"]["properties"]["match"]["properties"]

    assert spec["properties"]["mode"]["enum"] == ["Enforce", "Shadow", "Off"]
    assert spec["properties"]["priority"]["default"] == 0
    assert set(match) >= {"models", "promptTokens", "class", "params"}
    assert match["params"]["additionalProperties"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert match["headers"]["additionalProperties"]["maxLength"] == 512


def test_names_scopes_and_columns() -> None:
    read = {name: yaml.safe_load(text) for name, text in crd_files().items()}
    spec = read["modelbackends.yaml"]["spec"]

    assert sorted(read) == ["modelbackends.yaml", "routingpolicies.yaml", "tenants.yaml"]
    assert [read[name]["spec"]["scope"] for name in sorted(read)] == ["Namespaced", "Namespaced", "Cluster"]
    assert spec["names"]["categories"] == ["ccproxy"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    columns = [column["name"] for column in spec["versions"][0]["additionalPrinterColumns"]]
    assert columns == ["Provider", "Engine", "URL", "Accepted", "ResolvedRefs", "Age"]


def test_the_files_are_what_the_kinds_say() -> None:
    assert crds.main(["--check"]) == 0


def test_check_finds_stale_missing_and_surplus_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crds, "FOLDER", tmp_path / "crds")
    assert crds.main(["--check"]) == 1
    assert crds.main([]) == 0
    (tmp_path / "crds" / "old.yaml").write_text("")
    (tmp_path / "crds" / "tenants.yaml").write_text("x")
    capsys.readouterr()

    assert crds.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "crds/tenants.yaml is not what the kinds say; run `python -m tools.crds`",
        "crds/old.yaml is not what the kinds say; run `python -m tools.crds`",
    ]
    assert crds.main([]) == 0
    assert crds.main(["--check"]) == 0
