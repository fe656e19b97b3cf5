"""What becomes of calls while there is no snapshot: they wait, then 503; or, where a pod asks for it, they pass.

A call that passes goes to its dialect's own provider on the client's own key, is metered without prices and counted;
a placeholder is no key, so it gets 401. Must not be used once a snapshot was taken. Next: `pipeline.py`.
"""

from __future__ import annotations

from typing import Final

from ccproxy_contract.names import NO_TENANT
from ccproxy_contract.snapshot import Backend, Credential, Provider, Snapshot
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.providers.table import PROVIDERS

ON_A_LAPTOP: Final = Problem(
    status=503,
    kind="unavailable",
    message="ccproxy has no policies yet; `ccproxy status` shows why",
    retry_after_s=5,
)
IN_A_POD: Final = Problem(
    status=503,
    kind="unavailable",
    message="ccproxy has no configuration for this pod yet: its operator did not answer within 30 s. Look whether the "
    "pods of ccproxy-operator run; the pod's annotation `ccproxy.ai/no-config: pass` lets such calls go out on the "
    "program's own key",
    retry_after_s=5,
)
_OWN_PROVIDERS: Final[tuple[Provider, ...]] = ("Anthropic", "OpenAI", "Gemini")


def passing_snapshot(pod: str) -> Snapshot:
    """No rules, one PassThrough backend per dialect, no prices. `pod`: `namespace/name`. Its hash is empty."""
    namespace, _, name = pod.rpartition("/")
    return Snapshot(
        namespace=namespace,
        workload=f"Pod/{name}",
        tenant=NO_TENANT,
        backends=tuple(_backend(provider) for provider in _OWN_PROVIDERS),
    )


def _backend(provider: Provider) -> Backend:
    profile = PROVIDERS[provider]
    dialects = tuple(dialect for dialect in profile.dialects if provider != "Gemini" or dialect == "gemini-generate")
    return Backend(provider.lower(), provider, profile.default_url, dialects, Credential("PassThrough"))
