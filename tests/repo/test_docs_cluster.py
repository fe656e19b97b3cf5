"""The cluster's page: examples compile and run, tables are those of the code. Next: `test_docs_commands.py`."""

from __future__ import annotations

import ast
import base64
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
import yaml

from ccproxy_contract import names
from ccproxy_contract.features import FEATURES
from ccproxy_contract.stream import MAX_FRAME_BYTES
from ccproxy_operator import lease, liveness, marks
from ccproxy_operator.certificates import authority, keeper, plan
from ccproxy_operator.distributor import reviews, server
from ccproxy_operator.events import Reason
from ccproxy_operator.injector import events
from ccproxy_operator.injector.decide import ALWAYS_EXCLUDED, RefuseReason, SkipReason
from ccproxy_operator.injector.settings import settings_from_environment
from ccproxy_operator.repair import decision
from ccproxy_operator.repair import keeper as repair
from ccproxy_operator.status import judgement, programmed, writer
from ccproxy_operator.webhook import configuration
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import Key, cluster_document
from ccproxy_policy.cluster.tenancy import tenants_of
from ccproxy_policy.cluster.workloads import for_workload
from ccproxy_policy.documents import Document
from ccproxy_policy.problems import INVALID, REFERENCE_REASONS
from ccproxy_runtime.freshness import REFUSE_OLDER_S
from ccproxy_sidecar import settings as sidecar_settings
from ccproxy_sidecar.rules.program import Program
from tests.repo.pages import DOCS, READ, ROOT, Block, blocks
from tools.docs.metrics import INJECTOR, OPERATOR, registered

PAGE = DOCS / "kubernetes.md"
TEXT = PAGE.read_text()
FLOWING = " ".join(TEXT.split())
EXAMPLES = [block for page in READ for block in blocks(page) if block.mark == "yaml cluster"]
HOSTS = dict(re.findall(r"^kubectl annotate secret (\S+) .*ccproxy\.ai/hosts=(\S+)$", TEXT, re.MULTILINE))
NAMESPACE, LABELS = "team-a", {"team": "a"}
SPELT = {3: "three", 5: "five", 10: "ten"}
GRACE_S = sidecar_settings.settings_from_environment({"CCPROXY_SNAPSHOT": "x", "CCPROXY_SPOOL": "x"}).grace_s
Object = dict[str, Any]


def objects(text: str) -> list[Object]:
    """As the API server would hand them out after `kubectl apply -n team-a`."""
    found: list[Object] = list(yaml.safe_load_all(text))
    for one in found:
        if one["kind"] != "Tenant":
            one["metadata"].setdefault("namespace", NAMESPACE)
    return found


def secrets(found: list[Object]) -> Iterator[Object]:
    """The Secrets that these objects name, made by the page's commands."""
    for one in found:
        ref = one["spec"].get("credentials", {}).get("secretRef")
        if ref:
            metadata = {
                "name": ref["name"],
                "namespace": one["metadata"]["namespace"],
                "labels": {names.LABEL_CREDENTIALS: "true"},
                "annotations": {names.ANNOTATION_HOSTS: HOSTS.get(ref["name"], "")},
            }
            data = {ref["key"]: base64.b64encode(b"sk-a-key").decode()}
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def key_of(one: Object) -> Key:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def compiled(text: str) -> Iterator[CompiledNamespace]:
    found = objects(text)
    known: Mapping[Key, Document] = {key_of(one): cluster_document(one) for one in (*found, *secrets(found))}
    for namespace in sorted({key[1] for key in known} - {""}):
        own = [known[key] for key in known if key[1] == namespace and key[0] != "Secret"]
        yield compile_namespace(
            namespace,
            own,
            find=lambda kind, where, name: known.get((kind, where, name)),
            tenant=names.NO_TENANT,
            namespace_labels=lambda _: LABELS,
        )


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_example_compiles_and_runs(block: Block) -> None:
    for one in compiled(block.text):
        assert [problem.text for problem in one.problems] == []
        labels = next((policy.selector for policy in one.policies), {})
        cut = for_workload(one, workload="Deployment/x", labels=labels, features=FEATURES, resource_versions={})
        assert all(rule.broken == "" for rule in cut.snapshot.rules)
        Program(cut.snapshot)


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_tenant_gets_its_namespaces(block: Block) -> None:
    tenants = [cluster_document(one) for one in objects(block.text) if one["kind"] == "Tenant"]
    tenancy = tenants_of({NAMESPACE: LABELS}, tenants)
    assert (len(tenancy.by_namespace), tenancy.problems) == (len(tenants), ())


def test_there_are_examples_of_every_kind() -> None:
    kinds = {one["kind"] for block in EXAMPLES for one in objects(block.text)}
    assert kinds == {"RoutingPolicy", "ModelBackend", "Tenant"}
    assert HOSTS


def rows(heading: str) -> list[list[str]]:
    """Cells of the first table after a heading."""
    after = TEXT[TEXT.index(f"# {heading}\n") :]
    table = re.search(r"^\| -.*\n((?:\|.*\n)+)", after, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def word(cell: str) -> str:
    return cell.strip("`")


def test_every_reason_of_a_condition_is_on_the_page_and_no_other() -> None:
    told = {(row[0], word(row[2])) for row in rows("Conditions") if row[2].startswith("`")}
    problems = {("Accepted", r) for r in (INVALID, "NamespaceTaken", "TooManyPatterns")} | {
        ("ResolvedRefs", r) for r in REFERENCE_REASONS
    }
    assert told == problems | conditions_in_the_code()


def conditions_in_the_code() -> set[tuple[str, str]]:
    """Type and reason wherever a Condition is made with words."""
    folder = ROOT / "operator" / "ccproxy_operator"
    files = [folder / "status" / f"{name}.py" for name in ("conditions", "programmed", "judgement")]
    found: set[tuple[str, str]] = set()
    for path in (*files, folder / "children" / "condition.py"):
        tree = ast.parse(path.read_text())
        own = re.search(r'^TYPE: Final = "(\w+)"$', path.read_text(), re.MULTILINE)
        constants = {"TYPE": own[1] if own else ""}
        for node in ast.walk(tree):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called == "not_running" and isinstance(node, ast.Call):
                found |= {(programmed.TYPE, reason) for reason in _words(node.args[0], constants)}
            elif called == "Condition" and isinstance(node, ast.Call):
                (kind,) = _words(node.args[0], constants)
                found |= {(kind, reason) for reason in _words(node.args[2], constants)}
    return found


def _words(node: ast.expr, constants: Mapping[str, str]) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _words(node.body, constants) | _words(node.orelse, constants)
    if isinstance(node, ast.Name) and node.id in constants:
        return {constants[node.id]}
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def test_the_policy_package_makes_no_other_reason() -> None:
    texts = [path.read_text() for path in (ROOT / "policy").rglob("*.py")]
    made = {
        found
        for text in texts
        for found in re.findall(r'^.*(?:problem\(|message, |, )"([A-Z]\w+[a-z])"\)?$', text, re.M)
    }
    assert made - REFERENCE_REASONS <= {INVALID, "NamespaceTaken", "TooManyPatterns"}


def test_every_refusal_and_skip_is_on_the_page_and_no_other() -> None:
    told = {(word(row[0]), row[1]) for row in rows("What is refused, and what is skipped")}
    refused = {(reason, "refused") for reason in get_args(RefuseReason)}
    assert told == refused | {(reason, "skipped") for reason in get_args(SkipReason)}


def test_every_word_of_repair_is_on_the_page() -> None:
    told = rows("Pods without their sidecar")
    assert {word(row[0]) for row in told} == set(get_args(Reason))
    source = "".join(inspect.getsource(module) for module in (decision, repair))
    hindrances = set(re.findall(r'"([A-Z][A-Za-z]+): ', source)) | set(re.findall(r'f"([A-Z][A-Za-z]+): ', source))
    assert hindrances == {word(row[1]) for row in told if row[1].startswith("`")}


def test_every_annotation_and_label_is_on_the_page() -> None:
    told = {word(row[1]) for row in rows("Annotations")}
    assert told == {value for name, value in vars(names).items() if name.startswith(("ANNOTATION_", "LABEL_"))}


def test_every_metric_that_the_operator_names_is_on_the_page() -> None:
    for folder, but in ((OPERATOR, INJECTOR), (INJECTOR, "")):
        told = {metric.name for metric in registered(folder, but=but)}
        files = [path for path in (ROOT / folder).rglob("*.py") if not but or not path.is_relative_to(ROOT / but)]
        named = {name for path in files for name in re.findall(r'"(ccproxy_\w+)"', path.read_text())}
        assert {name for name in named if not name.startswith("ccproxy_operator.")} <= told | PACKAGES


PACKAGES = {"ccproxy_operator"}
KEPT_OUT = ALWAYS_EXCLUDED


@pytest.mark.parametrize(
    "said",
    [
        f"Lease `{marks.OPERATOR}`",
        f"on `127.0.0.1:{names.DATA_PORT}` alone",
        f"port {names.OPS_PORT} on the pod's address",
        f"{names.INJECTOR_PORT} (Service: {configuration.SERVICE_PORT})",
        f"TokenReview every {server.REVIEW_AGAIN_S:.0f} s",
        f"all within {GRACE_S:.0f} s, less than a pod's usual grace of 30 s",
        f"Pods of `{KEPT_OUT[0]}`, `{KEPT_OUT[1]}` and ccproxy's own namespace",
        f"at most {repair.PER_MINUTE} a minute",
        f"Said after {judgement.PATIENCE_S:.0f} s when",
        f"names {SPELT[programmed.MAX_NAMES]} of them",
        f"at most every {writer.FIGURES_S:.0f} s",
        f"one root ({SPELT[authority.ROOT_LIFE.days // 365]} years)",
        f"each server ({authority.LEAF_LIFE.days} days)",
        f"It looks every {keeper.LOOK_S:.0f} s",
        f"renewed {plan.RENEW_BEFORE.days} days before it ends",
        f"made {plan.NEXT_ROOT_BEFORE.days} days before the present one ends",
        f"shown for {plan.PUBLISHED_BEFORE.days} days",
        f"fails after {liveness.LIMIT_S:.0f} s in which",
        f"refuse the older slices for {REFUSE_OLDER_S / 60:.0f} minutes",
        f"written once in {SPELT[int(events.REPEAT_S // 60)]} minutes",
        f"writes within {lease.DURATION_S + 5:.0f} s",
        f"at most {MAX_FRAME_BYTES // 1024**2} MiB on the wire",
    ],
)
def test_a_figure_is_the_codes(said: str) -> None:
    assert said in FLOWING


def test_the_sidecars_room_is_as_the_page_says() -> None:
    made = settings_from_environment({"CCPROXY_SIDECAR_IMAGE": "x"})
    assert (made.spool_cap_bytes, made.memory_size) == (256 * 1024**2, "4Mi")
    assert "events wait in the sidecars (256 MiB by default)" in FLOWING
    assert "with the default of 4Mi" in FLOWING
    assert (reviews.REMEMBERED_S, "found good in the last minute" in FLOWING) == (60, True)


def test_the_columns_are_those_of_the_kind() -> None:
    definition = yaml.safe_load((ROOT / "crds" / "routingpolicies.yaml").read_text())
    columns = [column["name"].upper() for column in definition["spec"]["versions"][0]["additionalPrinterColumns"]]
    assert "(`IN SYNC` of `SIDECARS`)" in FLOWING
    assert {"IN SYNC", "SIDECARS"} <= set(columns)


def test_the_oldest_kubernetes_is_the_charts() -> None:
    chart = yaml.safe_load((ROOT / "charts" / "ccproxy" / "Chart.yaml").read_text())
    assert f"Kubernetes {chart['kubeVersion'].removeprefix('>=').removesuffix('.0-0')} or newer" in FLOWING
