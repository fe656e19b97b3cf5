"""Figures, words and tables of the pages are those of the code."""

from __future__ import annotations

import inspect
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from ccproxy_cli.home import Home
from ccproxy_cli.journal import LOG_CAP_BYTES
from ccproxy_contract import names
from ccproxy_contract.events import MAX_RAW_USAGE_BYTES, Quality, UsageEvent
from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates, price_book
from ccproxy_ledger import settings as ledger_settings
from ccproxy_ledger import usage_query
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.postgres_launch import NOBODY
from ccproxy_ledger.pricer import price
from ccproxy_ledger.rows import Row
from ccproxy_ledger.usage import BUCKETS
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.sentences import model_at
from ccproxy_runtime.metrics import MAX_SERIES, Registry
from ccproxy_runtime.spool import SYNC_EVERY_S
from ccproxy_sidecar import settings as sidecar_settings
from ccproxy_sidecar.dialects.follow import HOLD_BYTES
from ccproxy_sidecar.journal import MAX_WAITING
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.rules.custom import MAX_FAILURES_IN_A_ROW, TIME_LIMIT_S
from ccproxy_sidecar.sessions.tasks import MAX_PROBE_TOKENS
from ccproxy_sidecar.settings import Settings
from tests.repo.pages import DOCS, READ, ROOT, blocks
from tools.docs.environment import variables
from tools.docs.metrics import registered
from tools.docs.planned import KINDS, planned_fields

FOLDERS = ("sidecar/ccproxy_sidecar", "ledger/ccproxy_ledger", "operator/ccproxy_operator")
RATES = Period(tiers=(TierRates(input=1),))
BOOK = price_book({"k": (ModelPrices(id="small", match=Clause("equals", "small"), periods=(RATES,)),)})
POLICIES = DOCS / "policies.md"


def test_the_laptop_page_names_every_place_of_the_state_folder() -> None:
    home, page = Home(Path("/home")), (DOCS / "laptop.md").read_text()
    properties = [name for name, value in vars(Home).items() if isinstance(value, property)]
    places = [getattr(home, name) for name in properties] + [home.spool("sidecar"), home.spool("ledger")]
    assert [
        str(path) for path in places if not re.search(rf"^{path.relative_to('/home')}[/ ]", page, re.MULTILINE)
    ] == []


def test_the_metering_page_names_every_parameter_group_bucket_and_quality() -> None:
    page = (DOCS / "metering.md").read_text()
    words = (*usage_query.PARAMETERS, *usage_query.GROUPS, *BUCKETS, *get_args(Quality))
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_answer_on_the_metering_page_has_the_fields_of_a_real_one() -> None:
    block = next(block for block in blocks(DOCS / "metering.md") if block.mark == "json")
    shown = json.loads(block.text)
    assert Decimal(shown["total"]["savings"]) > 0
    for word in ("complete_through", "missing_events", "open_attempts"):
        assert word in shown


def test_quality_calibrated_is_written_by_nobody_yet() -> None:
    writers = [path for path in (ROOT / "sidecar").rglob("*.py") if '"calibrated"' in path.read_text()]
    assert writers == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("policies.md", f"A rule has {TIME_LIMIT_S * 1000:.0f} ms"),
        ("policies.md", f"After {MAX_FAILURES_IN_A_ROW} failures in a row"),
        ("policies.md", f"at most {MAX_PROBE_TOKENS} output tokens"),
        ("metering.md", f"synced to the disk every {SYNC_EVERY_S * 1000:.0f} ms"),
        ("metering.md", f"in memory, at\nmost {MAX_WAITING:,}"),
        ("metering.md", f"at most {MAX_SERIES} series"),
        ("metering.md", f"at most {MAX_RAW_USAGE_BYTES // 1024} KiB"),
        ("laptop.md", f"in memory, at most {MAX_WAITING:,}"),
        ("laptop.md", f"over {LOG_CAP_BYTES >> 20} MiB"),
        ("laptop.md", f"after {Settings.__struct_defaults__[-1] / 60:.0f} minutes the stream is ended"),
        ("decisions/0004-whole-events-only.md", f"longer than {HOLD_BYTES >> 10} KiB"),
        ("decisions/0003-embedded-postgres-under-root.md", f"becomes uid {NOBODY}"),
    ],
)
def test_the_figures_on_the_pages_are_those_of_the_code(page: str, words: str) -> None:
    assert words in (DOCS / page).read_text()


def test_a_metric_that_a_page_names_exists() -> None:
    known = {metric.name for folder in FOLDERS for metric in registered(folder)}
    named = {name for page in READ for name in re.findall(r"`(ccproxy_\w+_(?:total|seconds|bytes))`", page.read_text())}
    assert named - known == set()


def test_the_metric_tables_hold_all_that_a_process_renders() -> None:
    registry = Registry()
    Metrics(registry)
    LedgerMetrics(other := Registry())
    for shown, folder in ((registry, FOLDERS[0]), (other, FOLDERS[1])):
        rendered = set(re.findall(r"^# TYPE (\w+) ", shown.render().decode(), re.MULTILINE))
        assert rendered
        assert rendered - {metric.name for metric in registered(folder)} == set()


def test_the_tables_hold_every_variable_that_the_processes_read() -> None:
    for module in (sidecar_settings, ledger_settings):
        read = set(re.findall(r'"(CCPROXY_[A-Z_]+)"', inspect.getsource(module)))
        assert {variable.name for variable in variables(module)} == read
        assert [variable.name for variable in variables(module) if not variable.meaning] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_planned_field_is_answered_as_the_page_says(kind: type[Strict]) -> None:
    for path, planned in planned_fields(kind):
        for name in planned:
            assert f"`{name}`" in POLICIES.read_text()
            model = model_at(kind, _steps(path))
            assert model is not None
            assert name in model.planned


def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(path.replace("rules.", "rules.0.").split(".")) if path else ()


def test_an_orphan_has_no_tokens_and_no_cost_and_its_share_says_so() -> None:
    page = (DOCS / "metering.md").read_text()
    assert "tokens and cost stand as 0" in page
    event = UsageEvent(
        src="", seq=1, kind="settle", quality="orphan", model="small", price_keys=("k",), book=BOOK.version
    )
    assert price(event, {BOOK.version: BOOK}, 0).cost_pusd == 0


def test_the_laptop_page_names_every_path_of_the_data_port() -> None:
    page = (DOCS / "laptop.md").read_text()
    paths = (names.PATH_HEALTH, names.PATH_READY, names.PATH_METRICS, names.PATH_USAGE, names.PATH_STATE)
    assert [path for path in paths if f"`{path}`" not in page] == []


def test_a_row_holds_no_text_of_a_call() -> None:
    assert [name for name in Row._fields if re.search("prompt|answer|body|message|content|argument", name)] == []
