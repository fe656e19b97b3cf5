"""Kubernetes objects of the tests, as plain mappings: agents, their policies and backends, the provider.

Must not apply anything. Next: `chart.py`.
"""

from __future__ import annotations

import base64
from typing import Any

Object = dict[str, Any]

TOOLS_IMAGE = "localhost/ccproxy-e2e:e2e"
PROVIDER_NAMESPACE = "provider"
PROVIDER_URL = f"http://scripted.{PROVIDER_NAMESPACE}.svc:8000/v1"
PROVIDER_KEY = "sk-e2e-not-a-real-key"
MODEL = "gpt-5.1-mini"
RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def namespace(name: str, **labels: str) -> Object:
    """A namespace where Pod Security `restricted` is enforced."""
    enforced = {"pod-security.kubernetes.io/enforce": "restricted", **labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": enforced}}


def agent_container(*arguments: str) -> Object:
    """A container that runs `agent.py` with these arguments."""
    return {
        "name": "agent",
        "image": TOOLS_IMAGE,
        "imagePullPolicy": "Never",
        "args": ["/e2e/agent.py", *arguments],
        "securityContext": RESTRICTED,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }


def template(*arguments: str, inject: str | None = "true", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    """A pod template of an agent; `inject` is the annotation's value, `None`: no annotation."""
    annotations = {"ccproxy.ai/inject": inject} if inject is not None else {}
    pod = {"containers": [agent_container(*arguments)], "terminationGracePeriodSeconds": 30, **spec}
    return {"metadata": {"labels": labels or {"app": "agent"}, "annotations": annotations}, "spec": pod}


def pod(name: str, where: str, *arguments: str, **options: Any) -> Object:
    """A pod of its own."""
    made = template(*arguments, **options)
    made["metadata"] |= {"name": name, "namespace": where}
    made["spec"]["restartPolicy"] = "Never"
    return {"apiVersion": "v1", "kind": "Pod", **made}


def job(name: str, where: str, *arguments: str, **options: Any) -> Object:
    """A Job of one try."""
    made = template(*arguments, restartPolicy="Never", **options)
    spec = {"backoffLimit": 0, "template": made}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": where}, "spec": spec}


def cron_job(name: str, where: str, *arguments: str) -> Object:
    """A CronJob that fires each minute."""
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": job(name, where, *arguments)["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name, "namespace": where}, "spec": spec}


def deployment(
    name: str, where: str, *arguments: str, kind: str = "Deployment", replicas: int = 1, **options: Any
) -> Object:
    """A Deployment, or with `kind` a StatefulSet, of agents."""
    labels = {"app": name}
    spec: Object = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": template(*arguments, labels=labels, **options),
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": where}, "spec": spec}


def secret(name: str, where: str, *, hosts: str = "", key: str = PROVIDER_KEY, labelled: bool = True) -> Object:
    """A provider's key."""
    metadata: Object = {"name": name, "namespace": where}
    if labelled:
        metadata["labels"] = {"ccproxy.ai/credentials": "true"}
    if hosts:
        metadata["annotations"] = {"ccproxy.ai/hosts": hosts}
    encoded = base64.b64encode(key.encode()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"api-key": encoded}}


def backend(name: str, where: str, *, secret_name: str = "", url: str = PROVIDER_URL, **spec: Any) -> Object:
    """A ModelBackend at the scripted provider."""
    chosen = secret_name or name
    given = {
        "provider": "VLLM",
        "endpoint": {"url": url},
        "credentials": {"secretRef": {"name": chosen, "key": "api-key"}},
        "models": [{"name": MODEL, "price": {"inputPerMTok": "1", "outputPerMTok": "2"}}],
        **spec,
    }
    return _kind("ModelBackend", name, where, given)


def policy(name: str, where: str, *rules: Object, default: str = "", app: str = "", **spec: Any) -> Object:
    """A RoutingPolicy; `default`: backend of calls that no rule takes; `app`: only pods with this label."""
    given: Object = {"rules": list(rules), **spec}
    if default:
        given["default"] = {"route": {"targets": [{"backend": default}]}}
    if app:
        given["workloadSelector"] = {"matchLabels": {"app": app}}
    return _kind("RoutingPolicy", name, where, given)


def tenant(name: str, **labels: str) -> Object:
    """Who pays for the namespaces with these labels."""
    made = _kind("Tenant", name, "", {"namespaces": {"matchLabels": labels}})
    del made["metadata"]["namespace"]
    return made


def provider() -> list[Object]:
    """The scripted provider: namespace, Deployment and Service."""
    labels = {"app": "scripted"}
    container = agent_container() | {
        "name": "provider",
        "args": ["-m", "tests.fakes.provider", "--host", "0.0.0.0", "--port", "8000", "--quiet"],
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
    }
    made = deployment("scripted", PROVIDER_NAMESPACE, inject=None)
    made["spec"]["template"]["spec"]["containers"] = [container]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "scripted", "namespace": PROVIDER_NAMESPACE},
        "spec": {"selector": labels, "ports": [{"port": 8000}]},
    }
    return [namespace(PROVIDER_NAMESPACE), made, service]


def _kind(kind: str, name: str, where: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": where}
    return {"apiVersion": "ccproxy.ai/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
