"""The chart sets what the processes read: nothing that nobody reads, and all that they insist on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import ccproxy_ledger.cluster.settings as ledger_settings
import ccproxy_operator.injector.settings as injector_settings
import ccproxy_operator.retiring.settings as retiring_settings
import ccproxy_operator.settings as operator_settings
import ccproxy_operator.smoke.settings as smoke_settings
from tests.chart.rendered import CASES, containers, environment, objects

Reader = Callable[[Mapping[str, str]], object]
READERS: dict[str, tuple[str, Reader]] = {
    "operator": (str(operator_settings.__file__), operator_settings.settings_from_environment),
    "injector": (str(injector_settings.__file__), injector_settings.settings_from_environment),
    "ledger": (str(ledger_settings.__file__), ledger_settings.settings_from_environment),
    "uninstall": (str(retiring_settings.__file__), retiring_settings.settings_from_environment),
    "test": (str(smoke_settings.__file__), smoke_settings.settings_from_environment),
}
MODULES = {
    "injector": "ccproxy_operator.injector",
    "uninstall": "ccproxy_operator.retiring",
    "test": "ccproxy_operator.smoke",
}
KUBELET = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
ONLY_IN_OTHERS = {"ledger": {"CCPROXY_POD_NAME"}}
"""Set to be named in another variable's value."""


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_read_by_its_process(case: str) -> None:
    for where, container in containers(objects(*CASES[case])):
        source, _ = READERS[container["name"]]
        read = set(re.findall(r"CCPROXY_[A-Z_]+", Path(source).read_text()))
        unread = environment(container).keys() - read - ONLY_IN_OTHERS.get(container["name"], set())
        assert unread == set(), where


@pytest.mark.parametrize("case", CASES)
def test_every_process_takes_its_environment(case: str) -> None:
    for _, container in containers(objects(*CASES[case])):
        _, reader = READERS[container["name"]]
        reader(environment(container) | KUBELET)


def test_every_process_starts_its_own_module() -> None:
    for where, container in containers(objects()):
        wanted = MODULES.get(container["name"])
        command = ["/venv/bin/python", "-m", wanted] if wanted else None  # None: the image's own
        assert container.get("command") == command, where


def test_what_the_injector_adds_is_what_the_values_say() -> None:
    chosen = ("sidecar.maxCpu=1500m", "sidecar.imagePrefixes[0]=registry.example/", "sidecar.runAsUser=70000")
    [container] = [found for _, found in containers(objects(*chosen)) if found["name"] == "injector"]
    settings = injector_settings.settings_from_environment(environment(container))
    assert settings.max_cpu * 1000 == 1500
    assert settings.image_prefixes == ("registry.example/",)
    assert settings.run_as_user == 70000
    assert settings.resources == injector_settings.Resources()  # the chart's defaults are the injector's
