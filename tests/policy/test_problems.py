"""A table of wrong documents and the exact text of every problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccproxy_policy.documents import documents_from_text
from ccproxy_policy.starter import starter_files
from tests.policy.writing import compiled, policy

TENANT = "apiVersion: ccproxy.ai/v1alpha1\nkind: Tenant\n"


def _wrong_documents() -> list[tuple[str, str, list[str]]]:
    """Name, text of a.yaml, and `line: path: message` of each problem."""
    _, *sections = (Path(__file__).parent / "wrong_documents.txt").read_text().split("\n=== ")
    rows = []
    for section in sections:
        name, _, rest = section.partition("\n")
        lines = rest.rstrip("\n").split("\n")
        expected = [line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")]
        rows.append((name, "\n".join(line for line in lines if not line.startswith(">>> ")) + "\n", expected))
    return rows


WRONG = _wrong_documents()


def test_the_table_is_read_whole() -> None:
    assert len(WRONG) >= 100
    assert all(expected for _, _, expected in WRONG)


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_each_wrong_document_is_answered_with(text: str, expected: list[str]) -> None:
    assert [problem.text for problem in compiled(text).problems] == [f"a.yaml:{line}" for line in expected]


def test_policies_without_any_backend_are_a_problem() -> None:
    (problem,) = compiled(policy("rules: []"), backends="").problems

    assert problem.text == "a.yaml:1: there is no ModelBackend at all, nothing can be called; write one"


def test_at_most_twenty_problems_per_document_are_told() -> None:
    fields = "\n".join(f"wrong{n}: 1" for n in range(50))

    assert len(compiled(policy(fields)).problems) == 20


def test_a_problem_never_repeats_what_may_be_a_key() -> None:
    shown = "\n".join(problem.text for _, text, _ in WRONG for problem in compiled(text).problems)

    assert not [secret for secret in ("sk-live", "sk live", "me:secret") if secret in shown]


def test_a_planned_field_is_planned_wherever_the_design_has_it() -> None:
    planned = ["alerts", "apiKeys", "billing", "budgets", "limits", "network", "privacy", "signing"]
    text = TENANT + "metadata: {name: t}\nspec:\n" + "".join(f"  {name}: 1\n" for name in planned)

    assert [problem.message for problem in compiled(text).problems] == [
        f"{name} is planned, not built; leave it out" for name in planned
    ]


def test_lines_are_those_of_the_second_document_too() -> None:
    text = starter_files()["backends.yaml"] + "\n---\n" + policy("rulez: []")
    found, _ = documents_from_text("a.yaml", text)

    assert text.split("\n")[found[-1].line_of(("spec", "rulez")) - 1] == "  rulez: []"
