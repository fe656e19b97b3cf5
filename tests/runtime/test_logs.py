"""Log lines: JSON, redacted, never a flood."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.logs import JsonLines
from ccproxy_runtime.redaction import HIDDEN, redacted

Line = dict[str, str | int | float | bool | None]

SECRETS = [
    "sk-proj-abcDEF123456789_xyz",
    "sk-ant-api03-AAAA-bbbb_cccc",
    "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "gsk_abcdefghijklmnop1234567890",
    "sk_live_51abcdefghijkl",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dGhpcy1pcy1hLXNpZw",
]


def handled(records: list[tuple[str, str, dict[str, object] | None]], times_s: list[float]) -> list[Line]:
    lines: list[bytes] = []
    clock = iter(times_s)
    handler = JsonLines("sidecar", write=lines.append, clock=lambda: next(clock))
    for name, message, fields in records:
        record = logging.makeLogRecord({"name": name, "msg": message, "levelname": "INFO", "levelno": 20})
        if fields is not None:
            record.__dict__["fields"] = fields
        handler.handle(record)
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    return [cast(Line, msgspec.json.decode(line)) for line in lines]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "Authorization: Bearer {}", '{{"x-api-key": "{}"}}', "failed for key={}, trying again", "[{}]"]
)
def test_no_key_survives_redaction(secret: str, around: str) -> None:
    assert secret not in redacted(around.format(secret))
    assert secret[8:] not in redacted(around.format(secret))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgres://joe:hunter2@db:5432/x?sslmode=require", "hunter2"),
        ("postgresql+asyncpg://joe:p@ss@db/x", "p@ss"),
        ("Bearer opaque0123", "opaque0123"),
        ("authorization: Basic am9lOmh1bnRlcjI=", "am9lOmh1bnRlcjI="),
        ("x-goog-api-key: plain-word", "plain-word"),
        ("{'password': 'hunter2'}", "hunter2"),
        (r"{\"api_key\": \"plainword99\"}", "plainword99"),
    ],
)
def test_secrets_without_a_known_shape_are_known_by_their_place(text: str, hidden: str) -> None:
    assert hidden not in redacted(text)
    assert HIDDEN in redacted(text)


@pytest.mark.parametrize(
    "text",
    ["route to claude-haiku-5-5 in 12 ms", "http://127.0.0.1:4141/v1/messages", "tokens=12", "sk-", "task-manager"],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redacted(text) == text


@given(st.text(max_size=300))
def test_redaction_is_stable_for_any_text(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


def test_a_line_says_who_what_and_when() -> None:
    (line,) = handled(
        [("shipping", "event_sent", {"count": 3, "ok": True, "none": None, "x": 1.5})], [1_700_000_000.25]
    )
    assert line == {
        "ts": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "process": "sidecar",
        "logger": "shipping",
        "event": "event_sent",
        "count": 3,
        "ok": True,
        "none": None,
        "x": 1.5,
    }


def test_fields_are_scalars_and_never_shadow_the_line() -> None:
    (line,) = handled(
        [("a", "b", {"body": {"prompt": "hello"}, "level": "mine", "key": SECRETS[0], "t": "x" * 999})], [5]
    )
    assert line["body"] == "dict"
    assert (line["level"], line["level_"]) == ("info", "mine")
    assert line["key"] == HIDDEN
    assert len(str(line["t"])) == 500


def test_equal_events_are_written_once_a_second_and_counted() -> None:
    times = [10.0, 10.1, 10.9, 11.0, 11.5, 5.0]
    lines = handled([("a", "full", {})] * 6, times)
    assert [line.get("suppressed", 0) for line in lines] == [0, 2, 1]
    assert len(handled([("a", "one", {}), ("a", "two", {}), ("b", "one", {})], [1.0, 1.0, 1.0])) == 3


def test_the_memory_for_repeats_is_bounded() -> None:
    lines = handled([("a", f"event{number}", {}) for number in range(2000)], [1.0] * 2000)
    assert len(lines) == 2000


def test_of_a_librarys_message_only_the_first_line_is_written() -> None:
    (line,) = handled(
        [("asyncio", "Task exception was never retrieved\nfuture: ValueError('the prompt')", None)], [1.0]
    )
    assert line["event"] == "Task exception was never retrieved"


SCRIPT = """
import logging
from ccproxy_runtime.logs import configure_logging, logger
configure_logging("ledger", "info")
log = logger("store")
log.debug("unseen")
log.info("started", port=4143)
log.error("failed", url="postgres://joe:hunter2@db/x")
logging.getLogger("aiohttp.access").info("unseen")
try:
    raise ValueError("the prompt")
except ValueError:
    logging.getLogger("aiohttp.server").exception("Error handling request")
"""


def test_a_process_writes_json_lines_to_stderr_also_for_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    assert done.stdout == b""
    lines = [cast(Line, msgspec.json.decode(line)) for line in done.stderr.splitlines()]
    assert [(line["process"], line["logger"], line["level"], line["event"]) for line in lines] == [
        ("ledger", "store", "info", "started"),
        ("ledger", "store", "error", "failed"),
        ("ledger", "aiohttp.server", "error", "Error handling request"),
    ]
    assert lines[2]["exception"] == "ValueError at <module>:11"
    assert b"hunter2" not in done.stderr
    assert b"prompt" not in done.stderr
