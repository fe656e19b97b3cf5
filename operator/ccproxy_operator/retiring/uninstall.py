"""The order of an uninstall: webhook, last snapshots, operator, what it made, and the kinds when they shall go.

The webhook goes first, so that no pod waits for an injector that is about to leave; it goes again at the end, for an
operator that did not hear of its retirement puts it back. Must not fail because the operator is away: a broken
installation must be removable. Next: `../smoke/__main__.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ccproxy_operator.api import Api
from ccproxy_operator.distributor.retirement import Retired
from ccproxy_operator.retiring.last_word import last_word
from ccproxy_operator.retiring.leftovers import remove_kinds, remove_made, remove_webhook, stop_operator
from ccproxy_operator.retiring.settings import Settings

Say = Callable[[str], None]


async def uninstall(settings: Settings, api: Api, say: Say) -> bool:
    """Tell in sentences what was done; False when something is left. Raises: `ApiFailed`."""
    await remove_webhook(api)
    say("The webhook is removed: new pods start without a sidecar.")
    for sentence in report(await last_word(settings)):
        say(sentence)
    gone = await stop_operator(api, settings.namespace, timeout_s=settings.timeout_s)
    say("The operator has stopped." if gone else "The operator does not stop; what it makes again is left.")
    await remove_webhook(api)
    removed = await remove_made(api, settings.namespace)
    say(f"Removed what the operator had made: {removed} objects.")
    if settings.keep_kinds:
        say("The kinds and all policies stay (crds.keep=true).")
        return gone
    kinds_gone = await remove_kinds(api, timeout_s=settings.timeout_s)
    say(
        "The kinds and all policies are removed."
        if kinds_gone
        else "A kind is still being removed: see its finalizers."
    )
    return gone and kinds_gone


def report(retired: Retired | None) -> list[str]:
    """What is to be told about the sidecars that run on."""
    if retired is None:
        return [
            "The operator did not answer: sidecars keep their last snapshot, budgets and compression included.",
            "Still to roll: the workloads of `kubectl get pods --all-namespaces -l ccproxy.ai/sidecar=true`.",
        ]
    said = [f"{retired.acknowledged} of {retired.streams} sidecars run their last snapshot: routing stays,"
            " budgets and compression are off."]  # fmt: skip
    said += [f"Operator replica {name} did not answer." for name in retired.unreachable]
    if not retired.remaining:
        return [*said, "No workload has a sidecar."]
    said.append("Still to roll, to be rid of their sidecars (remove the annotation, then restart):")
    return said + [f"  {one.namespace} {one.workload}: {one.pods} pods" for one in retired.remaining]
