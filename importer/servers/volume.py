"""The files in a Compose service's volume, by the steps of `target`, in one-off containers; knows no Neo4j."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePath

from importer.servers.containers import Service, run_docker
from importer.servers.target import Make, Move, Remove, Step, Write
from synthgen.errors import ServerError

# An image's entrypoint may say this and that before what was asked for runs.
BEGIN = "-- synthgen --"


class Volume:
    """Files in the volume that a service has at `data`."""

    def __init__(self, service: Service, data: PurePath) -> None:
        self._service = service
        self._data = data
        self._container: str | None = None

    def run(self, script: str) -> str:
        """Run a shell script beside the service and give what it printed.

        Raises:
            ServerError: It failed; the message holds the last lines it said.
        """
        program = ["sh", "-ec", f"echo {shlex.quote(BEGIN)}\n{script}"]
        return run_docker(self._service.one_off(f"synthgen-files-{secrets.token_hex(4)}", program),
                          ).partition(f"{BEGIN}\n")[2]

    def read(self, path: PurePath) -> str | None:
        """Read a small text file; None when it is not there."""
        text = self.run(f"if [ -e {_quoted(path)} ]; then echo here; cat {_quoted(path)}; fi")
        return text.partition("\n")[2] if text else None

    def existing(self, paths: Sequence[PurePath]) -> set[PurePath]:
        """Say which of these are there."""
        asked = [f"if [ -e {_quoted(path)} ]; then echo {number}; fi" for number, path in enumerate(paths)]
        return {paths[int(number)] for number in self.run("\n".join(asked)).split()}

    def do(self, steps: Sequence[Step]) -> None:
        """Do the steps in order, all in one container; as `Files.do`."""
        self.run("\n".join(map(_script, steps)))

    def free_bytes(self) -> int:
        """Say how much room is left in the volume."""
        asked, said = ["df", "-Pk", str(self._data)], ""
        if self._container is not None:
            # A container that runs is asked at once; a new one takes a second. This one may just have ended.
            with suppress(ServerError):
                said = run_docker(["docker", "exec", self._container, *asked])
        return int((said or self.run(shlex.join(asked))).splitlines()[-1].split()[3]) * 1024

    @contextmanager
    def within(self, container: str) -> Iterator[None]:
        """Ask this container while it runs."""
        self._container = container
        try:
            yield
        finally:
            self._container = None


def _script(step: Step) -> str:
    match step:
        case Make(path):
            return f"mkdir -p {_quoted(path)}"
        case Move(source, to):
            move = f"mkdir -p {_quoted(to.parent)}; mv {_quoted(source)} {_quoted(to)}"
            return f"if [ -e {_quoted(source)} ]; then {move}; fi"
        case Remove(path):
            return f"rm -rf {_quoted(path)}"
        case Write(path, text):
            new = path.with_name(f"{path.name}.new")
            return (f"mkdir -p {_quoted(path.parent)}; printf %s {shlex.quote(text)} > {_quoted(new)};"
                    f" sync {_quoted(new)}; mv {_quoted(new)} {_quoted(path)}")


def _quoted(path: PurePath) -> str:
    return shlex.quote(str(path))
