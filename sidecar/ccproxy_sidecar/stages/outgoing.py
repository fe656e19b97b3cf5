"""The request that one target gets: its URL, its headers and, where the decision names another model, its body.

The same bytes go through but for what the decision names: `model` spliced in place, and for a streamed Chat call that
did not ask for its usage, `stream_options.include_usage` (the extra event is cut out of the answer again).
Must not send. Next: `forward.py`.
"""

from __future__ import annotations

from urllib.parse import quote

from ccproxy_contract.snapshot import Backend
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.dialects.splice import spliced_model, with_stream_usage
from ccproxy_sidecar.providers.profile import ProviderProfile
from ccproxy_sidecar.providers.table import PROVIDERS
from ccproxy_sidecar.stages.classify import Choice
from ccproxy_sidecar.upstream.attempt import Outgoing
from ccproxy_sidecar.upstream.headers import upstream_headers

_MAX_URLS = 4096


class Dispatch:
    """Makes requests of calls; remembers the URLs it made."""

    def __init__(self) -> None:
        self._urls: dict[tuple[str, str, str, str, str], str] = {}

    def outgoing(self, call: Call, choice: Choice) -> Outgoing | Problem:
        """The call as `choice` shall get it; a problem when the client's own key is needed and missing."""
        backend, request = choice.backend, call.request
        profile = PROVIDERS[backend.provider]
        auth: tuple[tuple[str, str], ...] = ()
        if backend.credential.kind == "Key":
            auth = profile.auth(backend.credential.key, call.dialect.name)
        elif backend.credential.kind == "PassThrough" and call.client_key is None:
            return _no_key(backend.name, configured=bool(call.snapshot.hash))
        requested = request.model if request is not None else ""
        model = choice.model or requested
        body, path, hide = call.body, call.path, False
        if request is not None:
            if model != requested:
                body, path = _renamed(call, model)
            if request.stream and not request.wants_usage_chunk and profile.stream_usage:
                body, hide = with_stream_usage(body), True
        return Outgoing(
            backend=backend,
            model=model,
            label=f"{backend.name}/{model}" if model else backend.name,
            method=call.method,
            url=self._url(call, backend, profile, path=path),
            headers=upstream_headers(call.headers, backend, auth, account_headers=profile.drop_headers),
            body=body,
            hide_usage_chunk=hide,
        )

    def _url(self, call: Call, backend: Backend, profile: ProviderProfile, *, path: str) -> str:
        key = (backend.provider, backend.url, call.dialect.name, path, call.query)
        url = self._urls.get(key)
        if url is None:
            if len(self._urls) >= _MAX_URLS:
                self._urls.clear()
            url = profile.url(backend, dialect=call.dialect.name, path=path, query=call.query)
            self._urls[key] = url
        return url


def _renamed(call: Call, model: str) -> tuple[bytes, str]:
    if call.path_model is None:
        return spliced_model(call.body, model), call.path
    head, _, tail = call.path.rpartition("/")
    _, colon, verb = tail.rpartition(":")
    return call.body, f"{head}/{quote(model, safe='')}{colon}{verb}"


def _no_key(backend: str, *, configured: bool) -> Problem:
    remedy = "give the backend `credentials`" if configured else "wait until ccproxy's operator has answered"
    return Problem(
        status=401,
        kind="authentication",
        retryable=False,
        message=f"backend {backend} passes the client's own key on, and this call brought none: "
        f"set the provider's key in the program, or {remedy}",
    )
