"""What the injector tells a pod's programs, as a table. Next: `rights.py`."""

from __future__ import annotations

from ccproxy_operator.injector.environment import LOOPBACK_NAMES, NO_PROXY_NAMES, TOLD
from tools.docs.table import table


def pod_environment() -> str:
    rows = [
        (f"`{told.name}`", f"`{told.value}`", ", ".join(f"`{name}`" for name in (told.name, *told.unless)))
        for told in TOLD
    ]
    loopback = " and ".join(f"`{name}`" for name in LOOPBACK_NAMES)
    rows += [(f"`{name}`", f"{loopback}, added to what is there", "it comes from elsewhere") for name in NO_PROXY_NAMES]
    return table(("Variable", "Value", "Not set when there is"), rows)
