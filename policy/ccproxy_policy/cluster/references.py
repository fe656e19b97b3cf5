"""What the policies of one namespace name, looked up: backends of their own and of others that share.

Remembers every key that was asked for, found or not: when one of them changes, the namespace is compiled again. Must
not decide about rules (`../policies.py` does). Next: `namespaces.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from ccproxy_contract.prices import ModelPrices, price_book
from ccproxy_contract.snapshot import Backend
from ccproxy_policy.admit import Written, admitted
from ccproxy_policy.backend_prices import own_prices, price_key
from ccproxy_policy.backends import backend_findings, backend_from
from ccproxy_policy.books import public_prices
from ccproxy_policy.cluster.credentials import cluster_credential, secret_ref
from ccproxy_policy.cluster.objects import Find, Key, NamespaceLabels
from ccproxy_policy.documents import Document
from ccproxy_policy.kinds.model_backend import AllowedNamespaces, ModelBackend
from ccproxy_policy.places import cluster_findings
from ccproxy_policy.policies import Named, no_backend
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import defaults

MAX_GUESSES: Final = 20
"""Names that are not there get a guess of what was meant; more are no slips, and each takes 0.02 ms a name."""
MAX_GUESSED_FROM: Final = 200
Prices = dict[str, tuple[ModelPrices, ...]]


class References:
    """The backends of one namespace by the name that its policies use, and everything that was looked up."""

    def __init__(self, namespace: str, *, find: Find, namespace_labels: NamespaceLabels) -> None:
        self._namespace = namespace
        self._find = find
        self._labels = namespace_labels
        self._named: dict[str, Named] = {}
        self._written: dict[str, Written[ModelBackend]] = {}
        self._mentioned: frozenset[str] = frozenset()
        self._there: list[str] = []
        self._guesses = 0
        self.backends: dict[str, Backend] = {}
        """What can be called, by its name in this namespace's slices: `name`, or `namespace/name` of another's."""
        self.uses: set[Key] = set()

    def own(self, backends: Iterable[Written[ModelBackend]], mentioned: Iterable[str]) -> list[Problem]:
        """Take the namespace's own backends; `mentioned` are the names of all, also of those that are refused."""
        problems: list[Problem] = []
        for written in backends:
            problems += self._taken(written.name, written, self._namespace)
        self._mentioned, self._there = frozenset(mentioned), sorted(self.backends)
        return problems

    def resolve(self, ref: str) -> Named:
        """What a name in a policy leads to."""
        name = ref.removeprefix(f"{self._namespace}/")
        if name not in self._named:
            self._named[name] = self._foreign(name) if "/" in name else self._missing(name)
        return self._named[name]

    def prices(self) -> tuple[set[str], Prices]:
        """Providers whose public prices these backends need, and the prices that they state themselves."""
        providers: set[str] = set()
        own: Prices = {}
        for name in self.backends:
            written = self._written[name]
            providers.update(defaults(written.object.spec.provider).price_keys)
            own |= _own_prices(written, name if "/" in name else f"{self._namespace}/{name}")
        return providers, own

    def _missing(self, name: str) -> Named:
        if name in self._mentioned:
            return _unusable(name, "Invalid")
        self._guesses += 1
        there = self._there[:MAX_GUESSED_FROM] if self._guesses <= MAX_GUESSES else self._there[:0]
        return Named(name, reason="BackendNotFound", message=no_backend(name, there))

    def _foreign(self, name: str) -> Named:
        namespace, _, bare = name.partition("/")
        self.uses.add(("ModelBackend", namespace, bare))
        document = self._find("ModelBackend", namespace, bare)
        written = admitted(document) if document else None
        if written is None:
            message = f"there is no ModelBackend `{bare}` in namespace `{namespace}`; mend the name or make it"
            return Named(name, reason="BackendNotFound", message=message)
        if isinstance(written, list) or not isinstance(written.object, ModelBackend):
            return Named(name, reason="RefNotPermitted", message=_not_shared(name))
        if not self._allowed(written.object.spec.allowed_namespaces):
            return Named(name, reason="RefNotPermitted", message=_not_shared(name))
        if any(cluster_findings(written.object)):
            return _unusable(name, "Invalid")
        self._taken(name, Written(written.object, written.document), namespace)
        return self._named[name]

    def _allowed(self, allowed: AllowedNamespaces) -> bool:
        if allowed.from_ != "Selector" or allowed.selector is None:
            return allowed.from_ == "All"
        self.uses.add(("Namespace", "", self._namespace))
        labels = self._labels(self._namespace) or {}
        return all(labels.get(key) == value for key, value in allowed.selector.match_labels.items())

    def _taken(self, name: str, written: Written[ModelBackend], namespace: str) -> list[Problem]:
        """Make one backend usable under `name`, or remember why it is not; its own problems."""
        if written.object.spec.compressor is not None:
            message = f"ModelBackend `{name}` is a compressor, which answers no calls; name one with a provider"
            self._named[name] = Named(name, reason="BackendNotRoutable", message=message)
            return [written.document.problem(*found) for found in backend_findings(written.object.spec)]
        ref = secret_ref(written.object.spec)
        secret = None
        if ref is not None:
            self.uses.add(("Secret", namespace, ref.name))
            secret = self._find("Secret", namespace, ref.name)
        found = _compiled(written, namespace=namespace, secret=secret)
        if not isinstance(found, Backend):
            self._named[name] = _unusable(name, found[0].reason, "" if "/" in name else found[0].message)
            return found
        self.backends[name] = found if found.name == name else msgspec.structs.replace(found, name=name)
        self._written[name] = written
        self._named[name] = Named(name, found.dialects)
        return []


def _unusable(name: str, reason: str, message: str = "") -> Named:
    """A backend that is there and cannot be called. Another namespace is told the reason's word alone."""
    because = f": {message}" if message else "; see its status"
    return Named(name, reason="BackendNotUsable", message=f"ModelBackend `{name}` cannot be used ({reason}){because}")


def _not_shared(name: str) -> str:
    return (
        f"ModelBackend `{name}` does not allow this namespace; its owner may write allowedNamespaces: {{from: All}} "
        "or a selector"
    )


def _compiled(written: Written[ModelBackend], *, namespace: str, secret: Document | None) -> Backend | list[Problem]:
    """The backend under its bare name; the same for every namespace that uses it."""
    return written.document.kept(
        "backend", (namespace, secret), partial(_compile, written, namespace=namespace, secret=secret)
    )


def _compile(written: Written[ModelBackend], *, namespace: str, secret: Document | None) -> Backend | list[Problem]:
    spec = written.object.spec
    if findings := backend_findings(spec):
        return [written.document.problem(*found) for found in findings]
    key = cluster_credential(spec, namespace=namespace, secret=secret)
    priced_as = f"{namespace}/{written.name}"
    prices = public_prices(defaults(spec.provider).price_keys) | _own_prices(written, priced_as)
    return backend_from(written, key=key, book=price_book(prices), priced_as=priced_as)


def _own_prices(written: Written[ModelBackend], priced_as: str) -> Prices:
    entries = written.document.kept("prices", None, partial(own_prices, written.object.spec.models))
    return {price_key(priced_as): entries} if entries else {}
