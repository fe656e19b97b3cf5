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

ANNOTATION_INJECT: Final = "ccproxy.ai/inject"
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
