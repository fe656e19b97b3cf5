"""Several replicas' words become one, whatever their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_operator.distributor.acks import Acked, Report, merged, report_bytes, report_from_bytes

ROWS = st.builds(
    Acked,
    st.sampled_from(["u-1", "u-2"]),
    st.sampled_from(["a", "b"]),
    st.just(""),
    st.just(""),
    st.integers(0, 2),
    st.integers(0, 3),
    st.just(""),
)
REPORTS = st.builds(
    Report,
    replica=st.sampled_from(["one", "two"]),
    version=st.integers(0, 9),
    features=st.just((("match.models",),)),
    sidecars=st.lists(ROWS, max_size=3).map(tuple),
    ledgers=st.just(()),
)


@given(st.lists(REPORTS, max_size=4), st.randoms())
def test_the_newest_word_counts_in_every_order(reports: list[Report], random: object) -> None:
    forwards, _ = merged(reports)
    newest: dict[str, int] = {}
    for report in reports:
        for row in report.sidecars:
            newest[row.uid] = max(newest.get(row.uid, -1), row.at_ms)
    assert {uid: known.at_ms for uid, known in forwards.items()} == newest
    backwards, _ = merged(reversed(reports))
    assert {uid: known.acked for uid, known in backwards.items()} == {uid: k.acked for uid, k in forwards.items()}


@given(REPORTS)
def test_a_report_survives_the_wire(report: Report) -> None:
    assert report_from_bytes(report_bytes(report)) == report
