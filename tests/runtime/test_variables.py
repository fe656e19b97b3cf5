"""Environment variables: what counts as set, and what is wrong said by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.variables import api_server, number, path, required


@given(st.integers(min_value=0))
def test_every_whole_number_is_read(value: int) -> None:
    assert number({"N": str(value)}, "N", 7) == value


@given(st.text(min_size=1).filter(lambda text: not (text.isascii() and text.isdigit())))
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="N="):
        number({"N": text}, "N", 7)


@pytest.mark.parametrize("env", [{}, {"N": ""}])
def test_an_empty_value_counts_as_not_set(env: dict[str, str]) -> None:
    assert number(env, "N", 7) == 7
    assert path(env, "N") is None
    with pytest.raises(ValueError, match="N is not set; the chart sets it"):
        required(env, "N", set_by="the chart sets it")


def test_a_path_is_a_path() -> None:
    assert path({"N": "/a/b"}, "N") == Path("/a/b")


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, ""),
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, "https://10.96.0.1:443"),
        ({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}, "https://[fd00::1]:6443"),
    ],
)
def test_the_api_server_is_where_kubelet_says(env: dict[str, str], url: str) -> None:
    assert api_server(env) == url
