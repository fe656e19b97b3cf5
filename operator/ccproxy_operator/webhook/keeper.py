"""The leader's duty: the webhook stands in the cluster as it should, looked at each second.

After a deletion or an edit by hand it is right again within about a second. Must not know what it is made of
(`configuration.py`). Next: `../children/manifests.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ccproxy_operator.certificates.stored import secret_name, trusted_roots
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.looking import keep_looking
from ccproxy_operator.webhook.configuration import NAME, configuration, is_right
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

LOOK_S: Final = 1.0
_log = logger("webhook")


class WebhookKeeper:
    """Keeps the configuration in the cluster. `retired`: ccproxy is being uninstalled, so it is taken away instead."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        registry: Registry,
        retired: Callable[[], bool] = bool,
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster, self._namespace, self._retired, self._look_s = cluster, namespace, retired, look_s
        self._restored = registry.counter("ccproxy_webhook_restored_total", "Times it was missing or not right.")
        self._failed = registry.counter("ccproxy_webhook_failed_looks_total", "Looks that the API server refused.")

    async def run(self) -> None:
        """Until cancelled."""
        await keep_looking(self.look, each_s=self._look_s, failed=self._failed.child(), what="webhook")

    async def look(self) -> None:
        """Put it right once. Without the injector's roots nothing is changed. Raises: `ApiFailed`."""
        live = await self._cluster.get("MutatingWebhookConfiguration", NAME)
        if self._retired():
            if live is not None:
                await self._cluster.delete("MutatingWebhookConfiguration", NAME)
                _log.info("webhook_removed")
            return
        roots = trusted_roots(await self._cluster.get("Secret", secret_name(NAME), self._namespace))
        if not roots:
            _log.warning("webhook_waits_for_certificate", secret=secret_name(NAME))
            return
        wanted = configuration(roots, namespace=self._namespace)
        if not is_right(live, wanted):
            await self._put(wanted, existed=live is not None)

    async def _put(self, wanted: dict[str, Any], *, existed: bool) -> None:
        """Apply; what another manager has added to our entries (a further condition) only a replacement takes away."""
        self._restored.child().inc()
        _log.info("webhook_put_right", existed=existed)
        stored = await self._cluster.apply(wanted)
        if not is_right(stored, wanted):
            version = stored["metadata"]["resourceVersion"]
            await self._cluster.replace({**wanted, "metadata": wanted["metadata"] | {"resourceVersion": version}})
