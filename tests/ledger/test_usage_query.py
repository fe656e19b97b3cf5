"""What `/usage` takes, and what it says when it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ccproxy_ledger.usage_query import GROUPS, UsageQuery, usage_query

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def asked(**given: str) -> UsageQuery:
    return usage_query([(name.rstrip("_"), value) for name, value in given.items()], NOW)


def bounds(query: UsageQuery) -> tuple[str, str]:
    return query.since.strftime("%m-%dT%H:%M"), query.until.strftime("%m-%dT%H:%M")


def test_without_parameters_it_is_today_in_utc() -> None:
    assert bounds(asked()) == ("11-21T00:00", "11-22T00:00")
    assert asked().group_by == ()


def test_a_date_means_its_whole_day_on_both_ends() -> None:
    assert bounds(asked(from_="2026-11-01", to="2026-11-02")) == ("11-01T00:00", "11-03T00:00")


def test_a_time_is_exact_in_any_zone_and_a_plus_sign_may_come_as_a_space() -> None:
    assert bounds(asked(from_="2026-11-21T01:00:00 01:00", to="2026-11-21T02:30:00Z")) == ("11-21T00:00", "11-21T02:30")


def test_an_end_in_the_past_alone_means_that_day() -> None:
    assert bounds(asked(to="2026-11-05")) == ("11-05T00:00", "11-06T00:00")


def test_groups_are_answered_in_one_order_once_each() -> None:
    query = usage_query([("group_by", "hour, model"), ("group_by", "tenant,model")], NOW)
    assert query.group_by == ("tenant", "model", "hour")


def test_whole_hours_without_sessions_come_from_the_hourly_sums() -> None:
    assert asked(group_by=",".join(name for name in GROUPS if name != "session")).whole_hours
    assert not asked(group_by="session").whole_hours
    assert not asked(to="2026-11-21T09:30:00Z").whole_hours


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"group_by": "model,colour"}, "group_by='colour' is unknown: it takes tenant"),
        ({"from": "yesterday"}, "from='yesterday' is neither a date"),
        ({"to": "2026-13-01"}, "to='2026-13-01' is neither a date"),
        ({"from": "2026-11-22T00:00:00Z"}, "from must lie before to"),
        ({"from": "2001-01-01"}, "more than ten years apart"),
        ({"since": "2026-11-01"}, "since is no parameter of /usage"),
        ({"to": "9999-12-31"}, "to='9999-12-31' is neither"),
    ],
)
def test_a_wrong_parameter_is_answered_with_what_it_takes(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        usage_query(given.items(), NOW)
