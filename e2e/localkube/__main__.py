"""Run a Kubernetes of one node on this machine, without Docker, for the end-to-end tests of ccproxy."""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from e2e.localkube import config, control_plane, images, node, processes
from e2e.localkube.build import build, build_kwok

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("containerd", "kubelet", "kube-proxy", "coredns")
PROGRAMS = (*CONTROL_PLANE, *NODE)


def main() -> int:
    arguments = _parser().parse_args()
    try:
        arguments.command(arguments)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"localkube: {error}", file=sys.stderr)
        return 1
    return 0


def build_programs(arguments: argparse.Namespace) -> None:
    build()
    if arguments.kwok:
        build_kwok()


def up(arguments: argparse.Namespace) -> None:
    if not arguments.control_plane_only:
        node.check()
    build()
    began = time.monotonic()
    _take_down()
    shutil.rmtree(config.STATE, ignore_errors=True)
    config.STATE.mkdir(parents=True)
    try:
        _start_control_plane() if arguments.control_plane_only else _start_all()
    except BaseException:
        _take_down()
        raise
    print(f"ready after {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(config.KUBECONFIG)


def down(_: argparse.Namespace) -> None:
    _take_down()


def load(arguments: argparse.Namespace) -> None:
    node.load(arguments.archive)


def base_image(_: argparse.Namespace) -> None:
    print(images.base_image())


def build_image(arguments: argparse.Namespace) -> None:
    dockerfile = arguments.file or arguments.context / "Dockerfile"
    images.build_image(arguments.tag, arguments.context, dockerfile, arguments.archive)


def status(_: argparse.Namespace) -> None:
    for name, pid in processes.running(PROGRAMS).items():
        print(f"{name:24}{pid:8}{processes.resident_mib(pid):6} MiB")


def logs(arguments: argparse.Namespace) -> None:
    print(processes.log_of(arguments.name).read_text(errors="replace"), end="")


def start_program(arguments: argparse.Namespace) -> None:
    if arguments.name in processes.running(PROGRAMS):
        raise RuntimeError(f"{arguments.name} is running")
    starter = control_plane if arguments.name in CONTROL_PLANE else node
    starter.start_program(arguments.name)


def _start_control_plane() -> None:
    control_plane.create("127.0.0.1")
    control_plane.start_api_server()
    control_plane.wait_for_api_server()
    control_plane.start_controllers()


def _start_all() -> None:
    node.create()
    control_plane.create(config.HOST_IP)
    control_plane.start_api_server()
    node.start_runtime()
    node.load(images.pause_image())
    control_plane.wait_for_api_server()
    node.start_agents()
    control_plane.start_controllers()
    control_plane.wait_for(f"node/{config.NODE}")
    control_plane.wait_for(f"node/{config.NODE}", "condition=Ready")


def _take_down() -> None:
    processes.kill_all()
    node.remove()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localkube", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    add("build", build_programs, "build the programs of the cluster and helm").add_argument(
        "--kwok", action="store_true", help="also build kwok, which plays nodes that do not exist"
    )
    add(
        "up", up, "start a fresh cluster in the place of a running or broken one, and print its kubeconfig"
    ).add_argument(
        "--control-plane-only", action="store_true", help="start no node: nothing runs, but every API answers"
    )
    add("down", down, "stop the cluster and remove what it made; its logs stay")
    add("status", status, "list the programs of the cluster that run, with pid and memory")
    add("logs", logs, "print the log of one program").add_argument("name", choices=PROGRAMS)
    add("start", start_program, "start one program that a test has killed").add_argument("name", choices=PROGRAMS)
    add("base-image", base_image, "make the base image, a stand-in for python:3.11-slim")
    add("load", load, "import an image archive into the node").add_argument("archive", type=Path)
    image = add("image", build_image, "build a Dockerfile on the base image into an image archive")
    image.add_argument("tag")
    image.add_argument("context", type=Path)
    image.add_argument("archive", type=Path)
    image.add_argument("--file", type=Path, help="the Dockerfile, when it is not in the context")
    return parser


if __name__ == "__main__":
    sys.exit(main())
