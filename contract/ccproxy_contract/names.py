"""Every string that crosses a process: ports, paths, headers, annotations.

Must not hold logic. Next: `usage.py`.
"""

from typing import Final

GROUP: Final = "ccproxy.ai"
API_VERSION: Final = "ccproxy.ai/v1alpha1"

DATA_PORT: Final = 4141
OPS_PORT: Final = 4142
LEDGER_PORT: Final = 4143
COMPRESSOR_PORT: Final = 4144
OPERATOR_PORT: Final = 4145
INJECTOR_PORT: Final = 9443

SYSTEM_NAMESPACE: Final = "ccproxy-system"
"""Where the chart is installed unless told otherwise; a process learns the real one from its settings."""
ANNOTATION_INJECT: Final = "ccproxy.ai/inject"
"""On a pod, `true` or `false`; the label of the same name on its namespace gives the default."""
ANNOTATION_NO_CONFIG: Final = "ccproxy.ai/no-config"
"""`pass`: calls that come before the first snapshot go out on the client's own key; else they get 503."""
ANNOTATION_INJECTED: Final = "ccproxy.ai/injected"
"""Set by the injector: hash of what it added; a pod with it has a sidecar."""
ANNOTATION_SKIPPED: Final = "ccproxy.ai/skipped"
"""A coded reason for which a pod shall stay without a sidecar: written by the injector where one cannot run (Windows),
or by a person; read by repair."""
LABEL_INJECTED: Final = "ccproxy.ai/sidecar"
"""Set by the injector on the pod to `true`; what the operator's Pod watch selects."""
CONTAINER: Final = "ccproxy"
"""Name of the sidecar's container."""
ANNOTATION_IMAGE: Final = "ccproxy.ai/image"
ANNOTATION_RESOURCES: Final = "ccproxy.ai/resources"
LABEL_CREDENTIALS: Final = "ccproxy.ai/credentials"
ANNOTATION_HOSTS: Final = "ccproxy.ai/hosts"

HEADER_PREFIX: Final = "x-ccproxy-"
HEADER_CALL: Final = "x-ccproxy-call"
HEADER_RULE: Final = "x-ccproxy-rule"
HEADER_TARGET: Final = "x-ccproxy-target"
HEADER_SESSION: Final = "x-ccproxy-session"
HEADER_AGENT: Final = "x-ccproxy-agent"
"""A client's own word for its agent; strongest of all agent signals (apis.md §2)."""
HEADER_SHADOW: Final = "x-ccproxy-shadow"
"""Set on answers when a Shadow policy would have decided otherwise: `rule -> target`."""

PATH_HEALTH: Final = "/healthz"
PATH_READY: Final = "/readyz"
PATH_METRICS: Final = "/metrics"
PATH_USAGE: Final = "/usage"
PATH_STATE: Final = "/ccproxy/v1/state"
"""Sidecar: what it runs now (snapshot hash, since when, problems of the last reload)."""
PATH_EVENTS: Final = "/v1/events"
"""Ledger: POST a batch of usage events."""

PATH_STREAM: Final = "/v1/stream"
"""Operator: WebSocket, one per sidecar; slices down, acknowledgements up (`stream.py`)."""
PATH_ACCOUNTS: Final = "/v1/accounts"
"""Operator: WebSocket, one per ledger process; accounts down, acknowledgements up."""
PATH_ACKS: Final = "/v1/acks"
"""Operator: GET by the Lease holder, what the sidecars of this replica acknowledged."""
PATH_RETIRE: Final = "/v1/retire"
"""Operator: POST by the hook that runs before an uninstall; every sidecar gets its last snapshot, `retired`."""
PATH_INJECT: Final = "/inject"
"""Injector: POST an AdmissionReview, by the API server."""
PATH_COMPRESS: Final = "/v1/compress"
"""Compressor: POST segments, answered with what can go (`compress.py`)."""

AUDIENCE_CONFIG: Final = "ccproxy-config"
AUDIENCE_LEDGER: Final = "ccproxy-ledger"
AUDIENCE_COMPRESSOR: Final = "ccproxy-compressor"
TOKENS: Final = "/var/run/secrets/ccproxy"
"""Folder of the three projected tokens in a pod; a file is named after its audience."""
SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Folder where kubelet mounts a pod's own token (`token`), the API server's root (`ca.crt`) and its `namespace`."""
SNAPSHOT_FILE: Final = "/run/ccproxy/snapshot.json"
"""Last good slice of a sidecar, on a memory volume (it holds keys)."""
STATE_FOLDER: Final = "/var/lib/ccproxy"
"""Spool and session memory of a sidecar, on disk."""

LAPTOP_WORKLOAD: Final = "laptop"
LOCAL_TENANT: Final = "local"
NO_TENANT: Final = "none"
MAIN_AGENT: Final = "main"
NO_RULE: Final = "none"
"""Label of a call that no rule and no default took (native backend or 404)."""
NO_TARGET: Final = "none"
"""Header of an answer that no target gave: a refusal, a denial, a list of models."""
DEFAULT_RULE: Final = "default"

PLACEHOLDER_KEY: Final = "ccproxy"
"""What a client sends where its SDK insists on a key; never passed on to a provider."""
