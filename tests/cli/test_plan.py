"""What each process is given: what it needs, what the user tuned, and no password that is not its own."""

from __future__ import annotations

from pathlib import Path

from ccproxy_cli.supervision.plan import Plan, child_specs

SECRET_URL = "postgresql://me:secret@db/ccproxy"
PLAN = Plan(home="/h", config="/h/policies", port=4141, ledger_port=4999, database_url=SECRET_URL)


def _environments(**variables: str) -> dict[str, dict[str, str]]:
    return {spec.name: dict(spec.environment) for spec in child_specs(PLAN, variables, supervisor=77)}


def test_the_database_is_known_to_the_ledger_alone() -> None:
    made = _environments(CCPROXY_DATABASE_URL=SECRET_URL)
    assert made["ledger"]["CCPROXY_DATABASE_URL"] == SECRET_URL
    assert SECRET_URL not in made["sidecar"].values()
    for spec in child_specs(PLAN, {}, supervisor=77):
        assert SECRET_URL not in spec.command


def test_what_the_user_tuned_arrives_and_what_the_supervisor_decides_wins() -> None:
    made = _environments(CCPROXY_MAX_BODY_BYTES="7", CCPROXY_HOST="0.0.0.0", SSL_CERT_FILE="/ca", CCPROXY_PORT="1")
    assert made["sidecar"]["CCPROXY_MAX_BODY_BYTES"] == "7"
    assert made["sidecar"]["SSL_CERT_FILE"] == "/ca"
    assert made["sidecar"]["CCPROXY_HOST"] == "127.0.0.1"
    assert made["sidecar"]["CCPROXY_PORT"] == "4141"
    assert made["sidecar"]["CCPROXY_LEDGER_URL"] == "http://127.0.0.1:4999"


def test_each_process_has_its_own_log_and_spool() -> None:
    specs = {spec.name: spec for spec in child_specs(PLAN, {}, supervisor=77)}
    assert {spec.log for spec in specs.values()} == {Path("/h/logs/sidecar.log"), Path("/h/logs/ledger.log")}
    assert specs["sidecar"].environment["CCPROXY_SPOOL"] == "/h/spool/sidecar"
    assert specs["ledger"].environment["CCPROXY_LEDGER_SPOOL"] == "/h/spool/ledger"


def test_each_process_is_told_whom_to_end_with() -> None:
    assert {made["CCPROXY_EXIT_WITH_PARENT"] for made in _environments(CCPROXY_EXIT_WITH_PARENT="1").values()} == {"77"}
