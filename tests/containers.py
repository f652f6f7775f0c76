"""A stand-in for `docker` where no engine runs: keeps each command line, and does what it says in a mount namespace.

As a module it is that program: `python -m tests.containers STATE ARGUMENT…`. A container sees a root of its own: the
system's programs, a Neo4j home at /var/lib/neo4j, its volumes, and nothing else; its program runs as user 7474, behind
an entrypoint that turns NEO4J_… variables into settings, as that of Neo4j's image does. Only root can make one.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from importer.servers import process

if TYPE_CHECKING:
    from tests.distribution import Distribution

ROOT = Path(__file__).resolve().parents[1]
HOME = "/var/lib/neo4j"
USER = 7474
PROJECT = "p"
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc", "proc", "dev")
NO_SETTINGS = {"NEO4J_AUTH", "NEO4J_PLUGINS", "NEO4J_HOME", "NEO4J_CONF"}
END_SECONDS = 60
COMPOSE = """
services:
  neo4j:
    image: neo4j:5.26
    volumes:
      - data:/data
  diskless:
    image: neo4j:5.26
volumes:
  data:
"""


@dataclass(frozen=True)
class Engine:
    """What the stand-in remembers, in one folder: volumes, containers, command lines, and the image's home."""

    state: Path

    @property
    def volume(self) -> Path:
        """The folder that is the volume `data`."""
        return self.state / "volumes" / "data"

    @property
    def compose_file(self) -> Path:
        """A compose file with a service `neo4j`."""
        return self.state / "compose.yml"

    @property
    def cache(self) -> Path:
        """The folder that Neo4j's jars are cached in."""
        return Path((self.state / "cache").read_text(encoding="utf-8"))

    @property
    def calls(self) -> list[list[str]]:
        """The command lines so far, without `docker`."""
        lines = (self.state / "calls").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to find the stand-in."""
        return {"PATH": f"{self.state / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def containers(self) -> dict[str, dict[str, Any]]:
        """Give the containers that run, by name."""
        found = {path.name: json.loads(path.read_text(encoding="utf-8"))
                 for path in (self.state / "containers").iterdir()}
        return {name: one for name, one in found.items() if process.is_same(one["pid"], one["mark"])}


def can_contain() -> bool:
    """Say whether mount namespaces and other users are to be had here."""
    tried = ["unshare", "--mount", "chroot", "/", "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
             "true"]
    return os.geteuid() == 0 and not subprocess.run(tried, check=False, capture_output=True).returncode


def make_engine(state: Path, port: int) -> tuple[Engine, Distribution]:
    """Make the stand-in, with an empty volume and an image of a Neo4j that listens on `port`."""
    # Each command of the stand-in is a process of its own, which has no use for these.
    from importer.servers.runtime import cache_folder  # noqa: PLC0415
    from tests.distribution import make_distribution  # noqa: PLC0415

    engine = Engine(state)
    for folder in (engine.volume, state / "containers", state / "roots", state / "bin"):
        folder.mkdir(parents=True)
    engine.compose_file.write_text(COMPOSE, encoding="utf-8")
    (state / "calls").touch()
    (state / "cache").write_text(str(cache_folder().parent), encoding="utf-8")
    docker = state / "bin" / "docker"
    docker.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -P"
                      f' -m tests.containers {shlex.quote(str(state))} "$@"\n', encoding="utf-8")
    docker.chmod(0o755)
    image = make_distribution(state / "image", port=port, settings={"server.directories.data": str(engine.volume)})
    conf = state / "image" / "conf" / "neo4j.conf"
    conf.write_text(conf.read_text(encoding="utf-8").replace(str(engine.volume), "/data"), encoding="utf-8")
    for folder in (engine.volume, state / "image"):
        subprocess.run(["chown", "-R", f"{USER}:{USER}", str(folder)], check=True)
    return engine, image


def main(engine: Engine, arguments: Sequence[str]) -> int:
    """Be `docker`."""
    with (engine.state / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    match arguments:
        case ["compose", "--file", file, verb, *rest]:
            return compose(engine, yaml.safe_load(Path(file).read_text(encoding="utf-8")), verb, rest)
        case ["ps", "--all", "--quiet", "--filter", wanted]:
            label = wanted.removeprefix("label=")
            say("".join(f"{name}\n" for name, one in engine.containers().items() if one["label"] == label))
        case ["rm", "--force", *names]:
            for name in names:
                end(engine, name, signal.SIGKILL)
        case ["exec", name, *program]:
            return look_in(engine, name, program)
        case _:
            return fail(f"unknown command: {arguments}")
    return 0


def compose(engine: Engine, document: Mapping[str, Any], verb: str, rest: Sequence[str]) -> int:
    """Be `docker compose`."""
    match verb, rest:
        case "config", ["--format", "json"]:
            services = {name: service | {"volumes": [mount(one) for one in service.get("volumes", ())]}
                        for name, service in document["services"].items()}
            say(json.dumps({"name": PROJECT, "services": services}))
        case "ps", ["--quiet", "--status", "running", name]:
            say(f"{name}\n" if name in engine.containers() else "")
        case "stop", ["--timeout", _, name]:
            end(engine, name, signal.SIGTERM)
        case "up", ["--detach", "--no-deps", "--no-recreate", name]:
            if name not in engine.containers():
                contain(engine, name, ["neo4j", "console"], service=document["services"][name])
        case "exec", ["--no-TTY", name, *program]:
            return look_in(engine, name, program)
        case "run", _:
            return run(engine, document, rest)
        case _:
            return fail(f"unknown command: compose {verb} {rest}")
    return 0


def mount(text: str) -> dict[str, str]:
    """Say a volume of a service in the long form, as `config` does."""
    source, _, target = text.partition(":")
    return {"type": "volume", "source": source, "target": target}


def run(engine: Engine, document: Mapping[str, Any], arguments: Sequence[str]) -> int:
    """Be `docker compose run`: wait for the container, which lives on when this program is killed."""
    parser = argparse.ArgumentParser()
    for flag in ("--rm", "--no-deps", "--no-TTY"):
        parser.add_argument(flag, action="store_true", required=True)
    parser.add_argument("--name", default=f"{PROJECT}-run-{secrets.token_hex(4)}")
    parser.add_argument("--label", required=True)
    for option in ("--env", "--volume"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("service")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    environment = dict(one.split("=", 1) for one in given.env)
    folders = dict(tuple(one.split(":"))[:2] for one in given.volume)
    child = contain(engine, given.name, given.program, service=document["services"][given.service],
                    label=given.label, environment=environment, folders=folders)
    return child.wait()


def look_in(engine: Engine, name: str, program: Sequence[str]) -> int:
    """Be `docker exec`: run a program in a container that runs, as root."""
    if name not in engine.containers():
        return fail(f"Error response from daemon: No such container: {name}")
    pid = engine.containers()[name]["pid"]
    inside = {**os.environ, "PATH": f"{HOME}/bin:{os.environ['PATH']}", "NEO4J_HOME": HOME}
    return subprocess.run(["nsenter", f"--target={pid}", "--mount", "--root", *program], env=inside,
                          check=False).returncode


def contain(
    engine: Engine, name: str, program: Sequence[str], *, service: Mapping[str, Any], label: str = "",
    environment: Mapping[str, str] | None = None, folders: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a container."""
    root = engine.state / "roots" / name
    root.mkdir(exist_ok=True)
    seen = {str(engine.state / "image"): HOME, **dict.fromkeys((str(ROOT), sys.prefix, sys.base_prefix), "")}
    seen |= {str(engine.cache): "", **(folders or {})}
    seen |= {str(engine.state / "volumes" / one.partition(":")[0]): one.partition(":")[2]
             for one in service.get("volumes", ())}
    script = ["set -e", f"mount -t tmpfs -o mode=755 tmpfs {root}", f"mkdir -m 1777 {root}/tmp"]  # noqa: S108 - its own
    for entry in SYSTEM:
        link = Path("/", entry)
        script.append(f"ln -s {link.readlink()} {root}/{entry}" if link.is_symlink() else see(str(link), "", root))
    script += [see(source, target, root) for source, target in seen.items()]
    inside = {"PATH": f"{HOME}/bin:{os.environ['PATH']}", "HOME": "/tmp", "NEO4J_HOME": HOME,  # noqa: S108 - its own
              "XDG_CACHE_HOME": str(engine.cache.parent), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
              "SYNTHGEN_JAVA_OPTIONS": os.environ.get("SYNTHGEN_JAVA_OPTIONS", ""), **(environment or {})}
    command = ["chroot", str(root), "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
               sys.executable, "-P", "-m", "tests.containers", "entrypoint", *program]
    script.append(f"exec {shlex.join(command)}")
    log = None if label else (engine.state / "server.log").open("ab")
    child = subprocess.Popen(["unshare", "--mount", "sh", "-c", "\n".join(script)], env=inside, cwd="/",
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    record = {"pid": child.pid, "mark": process.find_mark(child.pid), "label": label}
    (engine.state / "containers" / name).write_text(json.dumps(record), encoding="utf-8")
    return child


def see(source: str, target: str, root: Path) -> str:
    """Give the shell command that shows a folder in a container, at its own path when no other is given."""
    place = shlex.quote(f"{root}{target or source}")
    return f"mkdir -p {place}; mount --rbind {shlex.quote(source)} {place}"


def entrypoint(program: Sequence[str]) -> None:
    """Be the image's entrypoint, within a container: NEO4J_a_b__c=d becomes the setting a.b_c=d."""
    settings = {name.removeprefix("NEO4J_").replace("__", "\0").replace("_", ".").replace("\0", "_"): value
                for name, value in os.environ.items() if name.startswith("NEO4J_") and name not in NO_SETTINGS}
    conf = Path("/tmp/conf")  # noqa: S108 - the container's own
    shutil.copytree(f"{HOME}/conf", conf)
    lines = (conf / "neo4j.conf").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("=")[0] not in settings]
    text = "\n".join([*kept, *(f"{name}={value}" for name, value in settings.items()), ""])
    (conf / "neo4j.conf").write_text(text, encoding="utf-8")
    kept_environment = {name: value for name, value in os.environ.items() if not name.startswith("NEO4J_")}
    os.execvpe(program[0], list(program), {  # noqa: S606 - as an entrypoint does
        **kept_environment, "NEO4J_HOME": HOME, "NEO4J_CONF": str(conf)})


def end(engine: Engine, name: str, number: int) -> None:
    """End a container and wait for it."""
    one = engine.containers().get(name)
    if one is None:
        return
    os.killpg(one["pid"], number)
    until = time.monotonic() + END_SECONDS
    while process.is_same(one["pid"], one["mark"]):
        assert time.monotonic() < until, name
        time.sleep(0.05)


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def fail(text: str) -> int:
    """Print what is wrong and give an exit code."""
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    if sys.argv[1] == "entrypoint":
        entrypoint(sys.argv[2:])
    sys.exit(main(Engine(Path(sys.argv[1])), sys.argv[2:]))
