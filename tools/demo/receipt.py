"""The receipt, as text and as JSON. Every figure is ccproxy's own (`/usage`, `/metrics`). Must not compute money.

Next: `real.py`.
"""

from __future__ import annotations

from decimal import Decimal

from ccproxy_contract.names import NO_RULE
from tools.demo.audit import Audit
from tools.demo.figures import Json, quantile_ms

ADDED = "ccproxy_added_seconds"
COLUMNS = ("rule", "calls", "tries", "input", "cached", "output", "cost $", "would cost $", "saved $")


def receipt(told: Json, samples: dict[str, float], checked: Audit | None, *, calls: int, url: str) -> Json:
    """All of it as JSON. `told` is `/usage` by rule; `calls` is what the clients made."""
    total = told["total"]
    refused = sum(int(count) for name, count in samples.items() if name.startswith("ccproxy_refused_total"))
    return {
        "calls_made": calls,
        "refused_by_ccproxy": refused,
        "by_rule": told["groups"],
        "total": total,
        "savings_percent": _percent(total),
        "added_latency_ms": {
            "p50": quantile_ms(samples, ADDED, 0.5),
            "p99": quantile_ms(samples, ADDED, 0.99),
            "calls": int(samples.get(f"{ADDED}_count", 0)),
        },
        "audit": _audited(checked),
        "usage_url": f"{url}/usage?group_by=rule",
    }


def as_text(shown: Json) -> str:
    """For people."""
    rows = [COLUMNS, *(_row(_rule(group), group) for group in shown["by_rule"])]
    rows.append(_row("total", shown["total"]))
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    lines = ["  ".join(_cell(row, at, widths[at]) for at in range(len(COLUMNS))) for row in rows]
    rule = "-" * len(lines[0])
    return "\n".join(["", lines[0], rule, *lines[1:-1], rule, lines[-1], "", *_remarks(shown), ""])


def _rule(group: Json) -> str:
    return "(no rule)" if group["rule"] in ("", NO_RULE) else str(group["rule"])


def _row(name: str, group: Json) -> tuple[str, ...]:
    tokens = group["tokens"]
    written = sum(count for bucket, count in tokens.items() if bucket.startswith("cache_write"))
    counts = (tokens["uncached"] + tokens["cache_read"] + written, tokens["cache_read"], tokens["output"])
    money = (group["cost"], group["counterfactual_cost"], group["savings"])
    return (
        name,
        str(group["calls"]),
        str(group["attempts"]),
        *(f"{count:,}" for count in counts),
        *("no price" if one is None else f"{Decimal(one):.4f}" for one in money),
    )


def _cell(row: tuple[str, ...], at: int, width: int) -> str:
    return row[at].ljust(width) if at == 0 else row[at].rjust(width)


def _remarks(shown: Json) -> list[str]:
    total, added, checked = shown["total"], shown["added_latency_ms"], shown["audit"]
    buckets = ", ".join(f"{name} {count:,}" for name, count in total["tokens"].items() if count)
    lines = [
        f"Tokens         {buckets}",
        f"Cost           ${total['cost']}; at the models asked for ${total['counterfactual_cost']}",
        f"Saved          ${total['savings']} ({shown['savings_percent']} %), by routing alone",
        f"Added latency  p50 {added['p50']} ms, p99 {added['p99']} ms over {added['calls']} calls ({ADDED})",
        f"Not in /usage  {shown['calls_made'] - total['calls']} of {shown['calls_made']} calls: counting and reading "
        f"kept answers is free, {shown['refused_by_ccproxy']} refused by a rule",
    ]
    while_it_runs = "`ccproxy status`, `ccproxy usage --group-by rule`, and GET /usage?group_by=rule on its port"
    return [*lines, *_audit_lines(checked), f"Same figures   {while_it_runs}"]


def _audit_lines(checked: Json | None) -> list[str]:
    if checked is None:
        return []
    if checked["differences"]:
        return ["Audit          /usage and the provider DIFFER", *(f"  {line}" for line in checked["differences"])]
    agree = f"Audit          /usage equals what the provider charged in {checked['attempts']} attempts"
    produced, estimated = checked["left_output_produced"], checked["left_output_estimated"]
    if produced:
        agree += f"; one client left mid-stream: {produced} output tokens produced, {estimated} estimated"
    return [agree]


def _audited(checked: Audit | None) -> Json | None:
    if checked is None:
        return None
    return {
        "attempts": checked.attempts,
        "differences": list(checked.differences),
        "left_output_produced": checked.left_output[0],
        "left_output_estimated": checked.left_output[1],
    }


def _percent(total: Json) -> float | None:
    if total["savings"] is None or not Decimal(total["counterfactual_cost"] or 0):
        return None
    return float(round(Decimal(total["savings"]) / Decimal(total["counterfactual_cost"]) * 100, 1))
