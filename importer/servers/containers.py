"""One Docker Compose service: what its file says, and the commands that stop it, start it and work beside it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from synthgen.errors import ServerError, UsageError

LABEL = "synthgen.load"
PLUGINS = "NEO4J_PLUGINS"
STOP_SECONDS = 180
TAIL_LINES = 5


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a compose file.

    Attributes:
        file: The compose file.
        name: The service's name in it.
        project: The project's name, as Compose understands file and environment.
        environment: The environment that its containers get.
        mounts: The folders in its containers that a volume or a folder of the host is mounted at.
    """

    file: Path
    name: str
    project: str
    environment: Mapping[str, str]
    mounts: frozenset[PurePosixPath]

    @property
    def label(self) -> str:
        """What every container is labelled with that a load runs beside the service."""
        return f"{LABEL}={self.project}/{self.name}"

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of `docker compose` for this file."""
        return ["docker", "compose", "--file", str(self.file), *arguments]

    def one_off(
        self, container: str, program: Sequence[str], *, environment: Mapping[str, str] | None = None,
        mounts: Mapping[Path, PurePosixPath] | None = None,
    ) -> list[str]:
        """Give the command line of a container beside the service, with the service's volumes, that goes when it ends.

        Args:
            container: Its name.
            program: What runs in it.
            environment: Further variables.
            mounts: Folders of this machine, read only, by the places that they are seen at.
        """
        options = [option for name, value in (environment or {}).items() for option in ("--env", f"{name}={value}")]
        options += [option for folder, place in (mounts or {}).items()
                    for option in ("--volume", f"{folder.resolve()}:{place}:ro")]
        if PLUGINS in self.environment:
            # The image would fetch them anew, for each container.
            options += ["--env", f"{PLUGINS}="]
        return self.command("run", "--rm", "--no-deps", "--no-TTY", "--name", container, "--label", self.label,
                            *options, self.name, *program)

    def is_running(self) -> bool:
        """Say whether it has a container that runs."""
        return bool(run_docker(self.command("ps", "--quiet", "--status", "running", self.name)).strip())

    def start(self) -> None:
        """Start its container as it is; makes one only when there is none."""
        run_docker(self.command("up", "--detach", "--no-deps", "--no-recreate", self.name))

    def stop(self) -> None:
        """Stop its container, with time for a clean end."""
        run_docker(self.command("stop", "--timeout", str(STOP_SECONDS), self.name))

    def remove_one_offs(self) -> None:
        """Remove the containers that earlier loads, which were killed, have left running beside it."""
        found = run_docker(["docker", "ps", "--all", "--quiet", "--filter", f"label={self.label}"]).split()
        if found:
            run_docker(["docker", "rm", "--force", *found])


def find_service(file: Path, name: str) -> Service:
    """Read what a compose file says of a service.

    Raises:
        UsageError: The file is not there, or has no such service.
        ServerError: Docker or its Compose is not there, or does not understand the file.
    """
    if not file.is_file():
        raise UsageError(f"{file} is not a file", hint="name the compose file with --compose-file")
    file = file.absolute()
    document: dict[str, Any] = json.loads(
        run_docker(["docker", "compose", "--file", str(file), "config", "--format", "json"]))
    services = document.get("services") or {}
    if name not in services:
        raise UsageError(f"{file} has no service {name!r}", hint="name one with --service: " + ", ".join(services))
    service = services[name]
    environment = {key: str(value) for key, value in (service.get("environment") or {}).items() if value is not None}
    mounts = frozenset(PurePosixPath(one["target"]) for one in service.get("volumes") or []
                       if one.get("type") in {"volume", "bind"} and not one.get("read_only"))
    return Service(file, name, str(document["name"]), environment, mounts)


def run_docker(command: Sequence[str]) -> str:
    """Run a docker command and give what it printed on stdout.

    Raises:
        ServerError: Docker is not there, or the command failed; the message holds the last lines it said.
    """
    try:
        answer = subprocess.run(command, env=os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                check=False)
    except FileNotFoundError as error:
        raise ServerError("there is no program docker", hint="install Docker with Compose, or load with --mode online",
                          ) from error
    if answer.returncode:
        lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
        raise ServerError(f"`{' '.join(command[:2])} … {_verb(command)}` failed with code {answer.returncode}: "
                          + " / ".join(lines[-TAIL_LINES:]), hint="the lines name the cause", command=list(command))
    return answer.stdout


def _verb(command: Sequence[str]) -> str:
    return command[4] if command[1] == "compose" else command[1]
