"""One AdmissionReview: bytes in, bytes out, and what to tell people about it.

Pure: the same review gets the same answer from every replica. Next: `pods.py`.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import Final, Literal

import msgspec

from ccproxy_operator.injector.decide import Inject, Refuse, Skip, decide, has_sidecar
from ccproxy_operator.injector.environment import Additions, additions
from ccproxy_operator.injector.patch import (
    Encoded,
    Ops,
    encode,
    encoded,
    environments,
    first_injection,
    marks,
    patch_bytes,
    skip_mark,
)
from ccproxy_operator.injector.pods import Container, Owner, Pod
from ccproxy_operator.injector.present import names_in, place_of, put_right
from ccproxy_operator.injector.settings import Settings
from ccproxy_operator.injector.sidecar import VolumeNames, free_names, made

Outcome = Literal["injected", "unchanged", "skipped", "refused"]
MAX_WARNING_CHARS: Final = 250
"""kubectl shows up to 256 of each."""
DIFFERENT_WISHES: Final = 256
"""Kept ready encoded; of more, the oldest is made anew."""


class Kind(msgspec.Struct, frozen=True):
    kind: str = ""


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """What is asked; only what matters here."""

    uid: str
    object: Pod
    kind: Kind = Kind()
    namespace: str = ""
    operation: str = ""
    sub_resource: str = ""
    dry_run: bool = False


class Review(msgspec.Struct, frozen=True):
    request: Request


class Note(msgspec.Struct, frozen=True):
    """What people shall read of it, on the pod's owner. `reason` is a code."""

    reason: str
    message: str
    namespace: str
    about: Owner
    warning: bool = False


class Answer(msgspec.Struct, frozen=True):
    """`body` is the AdmissionReview to send; `note` is `None` for a dry run and where there is nothing to tell."""

    body: bytes
    outcome: Outcome
    reason: str
    note: Note | None = None


_decode: Final = msgspec.json.Decoder(Review).decode
_HEAD: Final = b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%b,"allowed":%b'


class Reviewer:
    """Answers reviews with one set of settings and one root certificate; a renewed root makes a new one."""

    def __init__(self, settings: Settings, root: str) -> None:
        self._settings = settings
        self._root = root
        self._encoded = lru_cache(maxsize=DIFFERENT_WISHES)(self._make)

    def answer(self, body: bytes) -> Answer:
        """Raises `ValueError` for what is no AdmissionReview of a pod."""
        request = _decode(body).request
        pod = request.object
        if request.kind.kind != "Pod" or request.operation != "CREATE" or request.sub_resource:
            return Answer(_allowed(request, ()), "skipped", "NotANewPod")
        verdict = decide(pod, request.namespace, self._settings)
        if isinstance(verdict, Refuse):
            return _refused(request, verdict)
        if isinstance(verdict, Skip):
            return _skipped(request, verdict)
        return self._injected(request, verdict, body)

    def _injected(self, request: Request, wish: Inject, body: bytes) -> Answer:
        pod = request.object
        told = [additions(container) for container in pod.all_containers]
        again = has_sidecar(pod)
        ops = self._again(pod, wish, body) if again else self._first(pod, wish, told)
        warnings = (*wish.warnings, *_left_alone(pod, told))
        answer = _allowed(request, ops, warnings)
        if not ops:
            return Answer(answer, "unchanged", "Unchanged")
        reason, message = ("Upgraded", "the sidecar was put right") if again else ("Injected", "the sidecar was added")
        return Answer(answer, "injected", reason, _note(request, reason, "; ".join((message, *warnings))))

    def _first(self, pod: Pod, wish: Inject, told: list[Additions]) -> Ops:
        names = free_names(volume.name for volume in pod.spec.volumes or ())
        return first_injection(pod, self._encoded(wish, names), told)

    def _again(self, pod: Pod, wish: Inject, body: bytes) -> Ops:
        """Containers before ours run before it, so they are told nothing."""
        spec = _spec(body)
        added = self._encoded(wish, names_in(spec))
        ours = place_of(spec)
        told = [
            additions(container) if place > ours else Additions() for place, container in enumerate(pod.all_containers)
        ]
        return [*marks(pod.metadata, added), *put_right(spec, added.made), *environments(pod, told, first_init=0)]

    def _make(self, wish: Inject, names: VolumeNames) -> Encoded:
        return encoded(made(wish, self._settings, self._root, names=names))


def _spec(body: bytes) -> dict[str, object]:
    spec = msgspec.json.decode(body)["request"]["object"]["spec"]
    assert isinstance(spec, dict)  # it was decoded as one before
    return spec


def _left_alone(pod: Pod, told: list[Additions]) -> list[str]:
    """Names only: values may be secret."""
    containers: list[tuple[Container, Additions]] = list(zip(pod.all_containers, told, strict=True))
    return [
        f"container {container.name} keeps what may come from elsewhere: {', '.join(each.left)}"
        for container, each in containers
        if each.left
    ]


def _skipped(request: Request, skip: Skip) -> Answer:
    ops = skip_mark(request.object.metadata, skip.reason) if skip.mark else []
    return Answer(_allowed(request, ops), "skipped", skip.reason, _note(request, skip.reason, skip.message))


def _refused(request: Request, refuse: Refuse) -> Answer:
    message = f"ccproxy cannot inject this pod ({refuse.reason}): {refuse.message}"
    status = encode({"code": 403, "reason": "Forbidden", "message": message})
    body = _HEAD % (encode(request.uid), b"false") + b',"status":' + status + b"}}"
    return Answer(body, "refused", refuse.reason, _note(request, refuse.reason, refuse.message, warning=True))


def _allowed(request: Request, ops: Ops | tuple[()], warnings: tuple[str, ...] = ()) -> bytes:
    parts = [_HEAD % (encode(request.uid), b"true")]
    if warnings:
        parts.append(b',"warnings":' + encode([warning[:MAX_WARNING_CHARS] for warning in warnings]))
    if ops:
        parts.append(b',"patchType":"JSONPatch","patch":"' + b64encode(patch_bytes(list(ops))) + b'"')
    return b"".join(parts) + b"}}"


def _note(request: Request, reason: str, message: str, *, warning: bool = False) -> Note | None:
    if request.dry_run:
        return None
    metadata = request.object.metadata
    owner = next((each for each in metadata.owner_references or () if each.controller), None)
    about = owner or Owner(api_version="v1", kind="Pod", name=metadata.name)
    return Note(reason, message, request.namespace, about, warning) if about.name else None
