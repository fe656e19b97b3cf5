"""Who a token stands for, as the API server's TokenReview says it: pure reading of its answer.

Facts: `status.user.username` is `system:serviceaccount:NAMESPACE:NAME`; a token bound to a pod carries the pod's name
and uid in `status.user.extra` (Kubernetes 1.34, tried 2026-11-21). Must not hold tokens. Next: `reviews.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

_SERVICE_ACCOUNT: Final = "system:serviceaccount:"
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"


class Identity(NamedTuple):
    """A ServiceAccount and the pod that its token is bound to; both pod fields are empty for a token without one."""

    namespace: str
    service_account: str
    pod: str
    pod_uid: str


def identity_of(status: Mapping[str, object], audience: str) -> Identity | None:
    """The identity in the `status` of a TokenReview (as JSON); None when the token is not good for `audience`."""
    audiences = status.get("audiences")
    if status.get("authenticated") is not True or not isinstance(audiences, list) or audience not in audiences:
        return None
    user = _mapping(status.get("user"))
    username = user.get("username")
    if not isinstance(username, str) or not username.startswith(_SERVICE_ACCOUNT):
        return None
    namespace, _, name = username.removeprefix(_SERVICE_ACCOUNT).partition(":")
    if not namespace or not name:
        return None
    extra = _mapping(user.get("extra"))
    return Identity(namespace, name, _only(extra, _POD_NAME), _only(extra, _POD_UID))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _only(extra: Mapping[str, object], key: str) -> str:
    """The single value of `key`; empty when there is none or more than one."""
    values = extra.get(key)
    return values[0] if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str) else ""
