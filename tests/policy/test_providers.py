"""Policy's defaults and the sidecar's profiles are two tables about the same providers."""

from __future__ import annotations

from typing import get_args

import pytest

from ccproxy_contract.snapshot import Provider
from ccproxy_policy.books import public_prices
from ccproxy_policy.providers import ALWAYS_PRICED, DEFAULTS, EXAMPLE_URLS
from ccproxy_sidecar.providers.table import PROVIDERS

NAMES: tuple[Provider, ...] = get_args(Provider)


@pytest.mark.parametrize("name", NAMES)
def test_both_tables_agree_on_address_and_dialects(name: Provider) -> None:
    assert (DEFAULTS[name].url, set(DEFAULTS[name].dialects)) == (
        PROVIDERS[name].default_url,
        set(PROVIDERS[name].dialects),
    )


def test_every_provider_has_defaults_or_an_example() -> None:
    assert set(DEFAULTS) == set(NAMES)
    assert {name for name in NAMES if not DEFAULTS[name].url} == set(EXAMPLE_URLS)


def test_every_price_key_is_in_the_price_data() -> None:
    keys = set(ALWAYS_PRICED).union(*(defaults.price_keys for defaults in DEFAULTS.values()))

    assert set(public_prices(keys)) == keys
