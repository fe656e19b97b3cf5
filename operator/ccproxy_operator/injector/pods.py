"""What the injector reads of a pod, and nothing more: all else is skipped while decoding.

Names are Kubernetes'. Fields are what a missing or null one means. Pure. Next: `decide.py`.
"""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Unknown fields are ignored."""


class Owner(Part, frozen=True):
    """One of a pod's owners; `controller`: the one that made it."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Metadata(Part, frozen=True):
    name: str = ""
    generate_name: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Variable(Part, frozen=True):
    """`value` is `None` when it comes from elsewhere, or is empty."""

    name: str = ""
    value: str | None = None
    value_from: dict[str, msgspec.Raw] | None = None


class Source(Part, frozen=True):
    """One `envFrom`: any name that begins with `prefix` may come from it."""

    prefix: str | None = None


class Port(Part, frozen=True):
    container_port: int = 0


class Container(Part, frozen=True):
    name: str = ""
    env: list[Variable] | None = None
    env_from: list[Source] | None = None
    ports: list[Port] | None = None


class Volume(Part, frozen=True):
    name: str = ""


class Os(Part, frozen=True):
    name: str = ""


class Spec(Part, frozen=True):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    host_network: bool | None = None
    host_pid: bool | None = msgspec.field(default=None, name="hostPID")
    share_process_namespace: bool | None = None
    os: Os | None = None
    node_selector: dict[str, str] | None = None


class Pod(Part, frozen=True):
    metadata: Metadata = Metadata()
    spec: Spec = Spec()

    @property
    def annotations(self) -> dict[str, str]:
        return self.metadata.annotations or {}

    @property
    def init_containers(self) -> list[Container]:
        return self.spec.init_containers or []

    @property
    def containers(self) -> list[Container]:
        return self.spec.containers or []

    @property
    def all_containers(self) -> list[Container]:
        return [*self.init_containers, *self.containers]
