"""What `ccproxy run` sets for each agent, by asking the code that sets it. Next: `metrics.py`."""

from __future__ import annotations

from typing import Literal, get_args

from ccproxy_cli.agents import AGENTS, NO_PROXY_NAMES, Route, pointed
from ccproxy_cli.state import BackendState
from ccproxy_contract.snapshot import DialectName
from tools.docs.table import table

ADDRESS = "http://127.0.0.1:4141"
ANY = "any other program"


def agent_table() -> str:
    """Variables and arguments, and what is added when the backend has a key of its own."""
    rows = []
    for agent in (*AGENTS, ANY):
        with_login = _given(agent, "PassThrough")
        added = [text for text in _given(agent, "Key") if text not in with_login]
        rows.append((f"`{agent}`" if agent != ANY else agent, _lines(with_login), _lines(added)))
    return table(("Program", "Given", "Given instead or besides when the backends have keys of their own"), rows)


def _given(agent: str, credential: Literal["Key", "PassThrough"]) -> list[str]:
    backend = BackendState(
        name="all", provider="Custom", url="https://x.test", dialects=get_args(DialectName), credential=credential
    )
    made = pointed(agent, Route(ADDRESS, (backend,), {}))
    variables = [f"{name}={value}" for name, value in made.variables.items() if name not in NO_PROXY_NAMES]
    return [*variables, *(argument for argument in made.arguments if argument != "-c")]


def _lines(texts: list[str]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)
