"""Lossless folds: what goes was there twice or was for a screen, and the rest stays where it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_compressor.folds.copies import LEAST_BYTES
from ccproxy_compressor.folds.screen import screen_folds
from ccproxy_compressor.folds.segments import lossless
from ccproxy_compressor.tokens import count
from ccproxy_contract.compress import Segment, SegmentAnswer, SegmentKind, applied

LOG_WORDS = st.sampled_from(
    [
        "retry\n",
        "retry\n",
        "ok \t\n",
        "\x1b[31mred\x1b[0m\n",
        "done\r\n",
        "\n",
        "   \n",
        "ä€\U0001f600\n",
        "x",
        "\x1b]0;t\x07",
    ]
)
LOGS = st.lists(LOG_WORDS, max_size=40).map("".join)
KINDS = st.sampled_from(["ToolResult", "Text", "Document", "Code", "Log", "Json"])


def segment(text: str, kind: SegmentKind = "Log", id: str = "a") -> Segment:
    return Segment(id=id, kind=kind, text=text)


def one(text: str, kind: SegmentKind = "Log") -> tuple[SegmentAnswer, str]:
    (answer,) = lossless((segment(text, kind),), count)
    return answer, applied(text, answer.folds)


def test_a_run_of_equal_lines_is_shown_once_and_counted() -> None:
    _, text = one("start\n" + "connection refused, trying again\n" * 12 + "up\n")
    assert text == "start\nconnection refused, trying again\n[11 more identical lines]\nup\n"


def test_lines_that_differ_in_a_number_stay() -> None:
    text = "".join(f"try {number} of 9: connection refused\n" for number in range(9))
    assert one(text)[1] == text


def test_what_was_for_a_screen_goes() -> None:
    _, text = one("\x1b[1;32mPASS\x1b[0m tests/a.py   \t\n\x1b]0;title\x07rest of it\x1b[K\n")
    assert text == "PASS tests/a.py\nrest of it\n"


@pytest.mark.parametrize("kind", ["Text", "Document", "Code", "Json"])
def test_white_space_and_repeats_that_may_mean_something_stay(kind: SegmentKind) -> None:
    text = "a line that ends in two spaces  \n" * 20
    assert one(text, kind)[1] == text


def test_a_copy_points_to_its_first_and_says_so() -> None:
    text = "def f(x):\n    return x\n" * 40
    first, second = lossless((segment(text, "Code"), segment(text, "Code", "b")), count)
    assert first.folds == ()
    assert [fold.copy_of for fold in second.folds] == ["a"]
    assert applied(text, second.folds) == "[identical to an earlier part of this conversation, shown there in full]"
    assert second.tokens_after < second.tokens_before


def test_short_segments_are_never_copies() -> None:
    text = "y" * (LEAST_BYTES - 1)
    _, second = lossless((segment(text, "Code"), segment(text, "Code", "b")), count)
    assert second.folds == ()


@given(LOGS)
def test_folding_takes_away_only_what_it_may(text: str) -> None:
    answer, left = one(text)
    assert answer.tokens_after <= answer.tokens_before == count(text)
    assert answer.tokens_after == count(left)
    assert _said(left) == _said(text)


@given(LOGS)
def test_what_is_folded_has_nothing_left_to_fold(text: str) -> None:
    _, left = one(text)
    assert [f for f in screen_folds(left.encode()) if f.kind == "Ansi"] == [] or left == text


@given(st.lists(st.tuples(KINDS, LOGS), max_size=6), st.integers(0, 6))
def test_an_answer_depends_on_nothing_that_comes_after(parts: list[tuple[SegmentKind, str]], cut: int) -> None:
    segments = tuple(segment(text * 8, kind, str(number)) for number, (kind, text) in enumerate(parts))
    assert lossless(segments, count)[:cut] == lossless(segments[:cut], count)


@given(st.text(max_size=300), KINDS)
def test_any_text_comes_through(text: str, kind: SegmentKind) -> None:
    answer, left = one(text, kind)
    assert answer.folds or left == text


def _said(text: str) -> list[str]:
    """The lines as a reader of the screen sees them, runs written out."""
    plain = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*\x07", "", text)
    lines: list[str] = []
    for line in re.split(r"\r?\n", plain):
        counted = re.fullmatch(r"\[(\d+) more identical lines\]", line.rstrip(" \t"))
        lines += [lines[-1]] * int(counted[1]) if counted else [line.rstrip(" \t")]
    return lines
