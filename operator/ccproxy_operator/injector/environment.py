"""What a pod's programs are told, so that their SDKs call the sidecar: addresses, placeholder keys, no proxy between.

A name that is set stays as it is, and one that an `envFrom` may bring is left alone: its value cannot be seen here and
`env` would win over it. Only NO_PROXY is added to. Pure. Next: `patch.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from ccproxy_contract.names import DATA_PORT, PLACEHOLDER_KEY
from ccproxy_operator.injector.pods import Container, Variable

_ADDRESS: Final = f"http://127.0.0.1:{DATA_PORT}"
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost")
NO_PROXY_NAMES: Final = ("NO_PROXY", "no_proxy")


class Told(msgspec.Struct, frozen=True):
    """One variable; not set either when one of `unless` is."""

    name: str
    value: str
    unless: tuple[str, ...] = ()


TOLD: Final = (
    Told("OPENAI_BASE_URL", f"{_ADDRESS}/v1", unless=("OPENAI_API_BASE",)),  # LiteLLM and old SDKs call it API_BASE
    Told("OPENAI_API_BASE", f"{_ADDRESS}/v1", unless=("OPENAI_BASE_URL",)),
    Told("ANTHROPIC_BASE_URL", _ADDRESS, unless=("ANTHROPIC_API_BASE",)),
    Told("ANTHROPIC_API_BASE", _ADDRESS, unless=("ANTHROPIC_BASE_URL",)),
    Told("GOOGLE_GEMINI_BASE_URL", _ADDRESS),
    Told("OPENAI_API_KEY", PLACEHOLDER_KEY),
    Told("ANTHROPIC_API_KEY", PLACEHOLDER_KEY, unless=("ANTHROPIC_AUTH_TOKEN",)),
    Told("GEMINI_API_KEY", PLACEHOLDER_KEY, unless=("GOOGLE_API_KEY",)),
    Told("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1"),
)
"""The SDKs' own variables (apis.md §1.9, §1.5), the same as `ccproxy run` sets on a laptop."""
_WATCHED: Final = frozenset(name for told in TOLD for name in (told.name, *told.unless)) | set(NO_PROXY_NAMES)


class Additions(msgspec.Struct, frozen=True):
    """What becomes of one container's environment."""

    new: tuple[tuple[str, str], ...] = ()
    """Names and values to append."""
    changed: tuple[tuple[int, str], ...] = ()
    """Place and new value of a NO_PROXY that is there."""
    left: tuple[str, ...] = ()
    """Names left alone because they may come from elsewhere."""


def additions(container: Container) -> Additions:
    """The same container with them needs none any more."""
    env = container.env or []
    present = frozenset([variable.name for variable in env]) & _WATCHED
    if not container.env_from and present.isdisjoint(NO_PROXY_NAMES):
        return _of_names(present)
    return _looked_at(env, tuple(source.prefix or "" for source in container.env_from or ()))


@lru_cache(maxsize=1024)
def _of_names(present: frozenset[str]) -> Additions:
    """The common case depends on which of our names are set, and on nothing else."""
    return _looked_at([Variable(name=name) for name in sorted(present)], ())


def _looked_at(env: list[Variable], prefixes: tuple[str, ...]) -> Additions:
    places = {variable.name: place for place, variable in enumerate(env)}  # of several, the last one counts
    new, left = [], []
    for told in TOLD:
        names = (told.name, *told.unless)
        if any(name in places for name in names):
            continue
        if any(_may_come(name, prefixes) for name in names):
            left.append(told.name)
        else:
            new.append((told.name, told.value))
    so_far = Additions(new=tuple(new), left=tuple(left))
    return _without_proxy(so_far, env, places=places, prefixes=prefixes)


def _without_proxy(
    so_far: Additions, env: list[Variable], *, places: dict[str, int], prefixes: tuple[str, ...]
) -> Additions:
    """Programs read one of the two spellings, most of them the small one first: both say the same afterwards."""
    new, changed, left = list(so_far.new), list(so_far.changed), list(so_far.left)
    for name, twin in (NO_PROXY_NAMES, NO_PROXY_NAMES[::-1]):
        place = places.get(name, places.get(twin))
        known = env[place] if place is not None else Variable(name=name)
        hidden = name not in places and any(_may_come(each, prefixes) for each in NO_PROXY_NAMES)
        if known.value_from is not None or hidden:
            left.append(name)
        elif name not in places:
            new.append((name, with_loopback(known.value or "")))
        elif (value := with_loopback(known.value or "")) != (known.value or ""):
            changed.append((places[name], value))
    return Additions(tuple(new), tuple(changed), tuple(left))


def with_loopback(value: str) -> str:
    """A NO_PROXY list that holds the sidecar's address; `*` holds everything."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    missing = [name for name in LOOPBACK_NAMES if name not in names]
    return value if "*" in names or not missing else ",".join([*names, *missing])


def _may_come(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefix) for prefix in prefixes)
