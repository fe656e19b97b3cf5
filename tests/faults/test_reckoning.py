"""The audit itself: it sees what is missing, what is double and what is charged wrongly."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from ccproxy_contract.usage import NO_USAGE, Usage
from tests.fakes.provider.records import Seen
from tests.faults.load import SESSION
from tests.faults.reckoning import Ledger, Row, differences

CHARGED = Usage(uncached=7, output=3)
ROW = Row(call="c", attempt=1, status="ok", quality="exact", http_status=200, cost_pusd=1, usage=CHARGED)
SEEN = Seen(
    number=1, at_s=0.0, method="POST", path="/", query="", headers=((SESSION, "s"),), body=b"", status=200,
    outcome="finished", charged=CHARGED,
)  # fmt: skip
ORPHAN = replace(ROW, status="interrupted", quality="orphan", http_status=0, usage=NO_USAGE)


def _ledger(*rows: Row, received: int | None = None) -> Ledger:
    events = 2 * len(rows) + 1 if received is None else received
    return Ledger(rows={"s": list(rows)}, received=events, closed=1, conflicts=0, still_open=0)


def test_equal_books_have_no_difference() -> None:
    assert differences(_ledger(ROW), {"s": [SEEN]}, {"s"}) == []
    assert differences(_ledger(ORPHAN), {"s": [SEEN]}, set()) == []
    assert differences(_ledger(ORPHAN), {}, set()) == []
    refused = replace(ROW, status="error", http_status=529, usage=NO_USAGE)
    seen = [msgspec.structs.replace(SEEN, status=529, charged=NO_USAGE), SEEN]
    assert differences(_ledger(refused, replace(ROW, attempt=2)), {"s": seen}, {"s"}) == []


@pytest.mark.parametrize(
    ("ledger", "seen"),
    [
        (_ledger(), [SEEN]),
        (_ledger(ROW), [SEEN, SEEN]),
        (_ledger(ROW, replace(ROW, attempt=2)), [SEEN]),
        (_ledger(ROW, ROW), [SEEN, SEEN]),
        (_ledger(ROW, replace(ROW, attempt=2, call="other")), [SEEN, SEEN]),
        (_ledger(ROW, received=4), [SEEN]),
        (_ledger(replace(ROW, usage=Usage(uncached=7))), [SEEN]),
        (_ledger(replace(ROW, quality="estimated")), [SEEN]),
        (_ledger(replace(ORPHAN, usage=CHARGED)), [SEEN]),
        (_ledger(replace(ROW, http_status=500)), [SEEN]),
        (_ledger(replace(ROW, usage=Usage(output=1)), replace(ORPHAN, attempt=2)), [SEEN]),
    ],
)
def test_any_difference_is_seen(ledger: Ledger, seen: list[Seen]) -> None:
    assert differences(ledger, {"s": seen}, set()) != []


def test_an_answer_without_a_row_and_a_second_settlement_are_seen() -> None:
    assert differences(_ledger(ROW), {"s": [SEEN]}, {"t"}) == ["t: answered, and no row"]
    assert differences(replace(_ledger(ROW), conflicts=1), {"s": [SEEN]}, set()) != []
    assert differences(replace(_ledger(ROW), still_open=1), {"s": [SEEN]}, set()) != []
