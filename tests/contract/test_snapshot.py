"""Snapshots and accounts: what was written is what is read, or it is refused."""

from __future__ import annotations

import msgspec
import pytest

from ccproxy_contract.accounts import Accounts, TenantAccount, accounts_bytes, accounts_from_bytes, sealed_accounts
from ccproxy_contract.hashes import content_hash
from ccproxy_contract.snapshot import (
    Backend,
    Credential,
    CustomRule,
    Deny,
    Match,
    Model,
    Route,
    Rule,
    Snapshot,
    Target,
    TokenRange,
    Treatment,
    sealed,
    snapshot_bytes,
    snapshot_from_bytes,
)

WHOLE = sealed(
    Snapshot(
        tenant="me",
        rules=(
            Rule(
                name="r",
                policy="p",
                mode="Shadow",
                match=Match(
                    models=("claude-*",),
                    prompt_tokens=TokenRange(min=1),
                    headers={"x-a": "b"},
                    thinking=False,
                    custom=CustomRule(target="a:B", params={"x": 1, "y": True, "z": 0.5, "s": "t"}),
                ),
                then=Treatment(route=Route(targets=(Target(backend="a", model="m", weight=3),), strategy="Weighted")),
            ),
        ),
        default=Rule(
            name="default",
            policy="p",
            mode="Enforce",
            match=Match(),
            then=Treatment(deny=Deny(status=403, message="no")),
            broken="why",
        ),
        backends=(
            Backend(
                name="a",
                provider="Anthropic",
                url="https://api.anthropic.com",
                dialects=("anthropic-messages",),
                credential=Credential(kind="Key", key="sk-secret"),
                models=(Model(name="m", context_window=5),),
            ),
        ),
    )
)


def test_a_snapshot_survives_the_file() -> None:
    assert snapshot_from_bytes(snapshot_bytes(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"me"', b'"it"'), (b"sk-secret", b"sk-stolen"), (b'"weight":3', b'"weight":4'), (b'"broken":"why",', b"")],
)
def test_an_edited_snapshot_is_refused(old: bytes, new: bytes) -> None:
    raw = snapshot_bytes(WHOLE)
    assert old in raw or old.rstrip(b",") in raw
    edited = raw.replace(old, new) if old in raw else raw.replace(b"," + old.rstrip(b","), new)

    with pytest.raises(ValueError, match="cut or edited"):
        snapshot_from_bytes(edited)


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_cut_snapshot_is_refused(length: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 any refusal will do: msgspec words it
        snapshot_from_bytes(snapshot_bytes(WHOLE)[:length])


def test_another_version_is_refused_before_its_hash_is_looked_at() -> None:
    newer = msgspec.structs.replace(WHOLE, version=2)

    with pytest.raises(ValueError, match="snapshot version 2, this process knows 1"):
        snapshot_from_bytes(snapshot_bytes(newer))


def test_resource_versions_do_not_change_the_hash() -> None:
    assert sealed(msgspec.structs.replace(WHOLE, resource_versions={"RoutingPolicy": "7"})).hash == WHOLE.hash


def test_a_field_from_a_newer_process_changes_nothing() -> None:
    raw = snapshot_bytes(WHOLE)

    assert snapshot_from_bytes(raw[:-1] + b',"fromTheFuture":1}') == WHOLE


def test_a_credential_hides_itself() -> None:
    assert "sk-secret" not in repr(WHOLE)
    assert "sk-secret" not in str(WHOLE.backends)


def test_accounts_survive_the_file_and_refuse_edits() -> None:
    accounts = sealed_accounts(Accounts(tenants=(TenantAccount(name="me"),)))
    raw = accounts_bytes(accounts)

    assert accounts_from_bytes(raw) == accounts
    with pytest.raises(ValueError, match="cut or edited"):
        accounts_from_bytes(raw.replace(b'"me"', b'"it"'))
    with pytest.raises(ValueError, match="accounts version 2, this process knows 1"):
        accounts_from_bytes(accounts_bytes(msgspec.structs.replace(accounts, version=2)))


def test_a_hash_depends_on_content_and_not_on_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert content_hash({}) == "sha256:44136fa355b3678a1146ad16f7e8649e"
