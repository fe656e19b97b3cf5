"""Each pod under `golden/` (`*.in.yaml`) gets the answer beside it (`*.out.yaml`).

`CCPROXY_TEST_UPDATE=1` writes the answers anew; read what changed before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.injector.reviewing import answer, patched, response

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name.removesuffix(".in.yaml") for path in GOLDEN.glob("*.in.yaml"))


def answered(case: dict[str, Any]) -> dict[str, Any]:
    """Everything that can be seen from outside, as one document."""
    pod = case["pod"]
    given = answer(pod, namespace=case.get("namespace", "team-a"))
    says = response(given)
    seen = {"outcome": given.outcome, "reason": given.reason, "allowed": says["allowed"]}
    told = {"warnings": says.get("warnings"), "refusal": says.get("status", {}).get("message")}
    event = {
        "event": given.note and {"on": f"{given.note.about.kind}/{given.note.about.name}", "says": given.note.message}
    }
    after = patched(pod, given)
    return {
        **seen,
        **{name: each for name, each in told.items() if each},
        **event,
        "pod": "as sent" if after == pod else after,
    }


@pytest.mark.parametrize("name", CASES)
def test_the_pod_gets_the_golden_answer(name: str) -> None:
    found = answered(yaml.safe_load((GOLDEN / f"{name}.in.yaml").read_text()))
    expected = GOLDEN / f"{name}.out.yaml"
    if os.environ.get("CCPROXY_TEST_UPDATE") == "1":
        expected.write_text(yaml.safe_dump(found, sort_keys=False, width=120))
    assert found == yaml.safe_load(expected.read_text())


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
