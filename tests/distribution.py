"""A home laid out like Neo4j's own distribution, whose scripts run the same classes; knows nothing of loads.

As a module it is these scripts: `python -m tests.distribution PROGRAM HOME ARGUMENT…`. What they print, and with which
code they end, is as in the distribution of 5.26. `cypher-shell` is no part of the jars and speaks through the driver.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import neo4j

from importer.servers import process
from importer.servers._serve import _quicken_shutdown
from importer.servers.bolt import answers
from importer.servers.runtime import further_java_options, resolve
from importer.servers.settings import ADMIN_OPENS, DEFAULT_VERSION, SERVER_OPENS
from importer.servers.sharing import sharing_options
from synthgen.database import Address

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("neo4j", "neo4j-admin", "cypher-shell")
FOLDERS = ("bin", "conf", "data", "import", "lib", "licenses", "logs", "plugins", "run")
RUNNING, NOT_RUNNING = 1, 3
UP_SECONDS = 120
STOP_SECONDS = 120
SCRIPT = """#!/bin/sh
# As the distribution's: where it lies says where home is, unless NEO4J_HOME does.
home=${{NEO4J_HOME:-$(cd "$(dirname "$0")/.." && pwd -P)}}
PYTHONPATH={root} exec {python} -P -m tests.distribution {program} "$home" "$@"
"""
CONF = """#*****************************************************************
# Neo4j configuration
#*****************************************************************
#server.directories.data=data
server.directories.import=import

# Bolt connector
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false

dbms.usage_report.enabled=false
db.tx_log.preallocate=false
server.memory.heap.max_size=512m
server.memory.pagecache.size=64m

# JVM parameters
server.jvm.additional=-XX:+AlwaysPreTouch
server.jvm.additional=-XX:+DisableExplicitGC
"""


@dataclass(frozen=True)
class Distribution:
    """One such home, and how its server is reached."""

    home: Path
    port: int
    password: str

    @property
    def address(self) -> Address:
        """The server's address, as somebody has it who knows no home."""
        return Address(f"bolt://127.0.0.1:{self.port}", "neo4j", self.password)

    def run(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts and give its code and what it printed."""
        return subprocess.run([str(self.home / "bin" / program), *arguments], env={**os.environ, **environment},
                              capture_output=True, text=True, check=False)

    def start(self) -> None:
        """Start the server and wait until it lets us in."""
        started = self.run("neo4j", "start")
        assert started.returncode == 0, started
        until = time.monotonic() + UP_SECONDS
        while not answers(self.port, "neo4j", self.password):
            assert time.monotonic() < until, (self.home / "logs" / "neo4j.log").read_text(encoding="utf-8")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server; does nothing when it is down."""
        self.run("neo4j", "stop")


def make_distribution(
    home: Path, *, port: int, version: str = DEFAULT_VERSION, settings: Mapping[str, str] | None = None
) -> Distribution:
    """Lay out a home with scripts, settings and a password; `settings` are added to its `neo4j.conf`."""
    for folder in FOLDERS:
        (home / folder).mkdir(parents=True)
    (home / "lib" / "version").write_text(version, encoding="ascii")
    further = "".join(f"{name}={value}\n" for name, value in (settings or {}).items())
    (home / "conf" / "neo4j.conf").write_text(CONF.format(port=port) + further, encoding="utf-8")
    for program in PROGRAMS:
        script = home / "bin" / program
        text = SCRIPT.format(root=shlex.quote(str(ROOT)), python=shlex.quote(sys.executable), program=program)
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
    made = Distribution(home, port, secrets.token_hex(8))
    answer = made.run("neo4j-admin", "dbms", "set-initial-password", made.password)
    assert answer.returncode == 0, answer
    return made


@contextmanager
def running_distribution(
    home: Path, *, port: int, version: str = DEFAULT_VERSION, settings: Mapping[str, str] | None = None
) -> Iterator[Distribution]:
    """Lay out a home and have its server run."""
    made = make_distribution(home, port=port, version=version, settings=settings)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def main(program: str, home: Path, arguments: Sequence[str]) -> int:
    """Be one of the scripts."""
    return {"neo4j": server_script, "neo4j-admin": admin_script, "cypher-shell": shell_script}[program](home, arguments)


def say(text: str, end: str = "\n") -> None:
    """Print at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def version_of(home: Path) -> str:
    """Give the version that a home was laid out for."""
    return (home / "lib" / "version").read_text(encoding="ascii")


def conf_folder(home: Path) -> Path:
    """Give the folder that `neo4j.conf` is in."""
    return Path(os.environ.get("NEO4J_CONF") or home / "conf")


def server_script(home: Path, arguments: Sequence[str]) -> int:
    """Be `bin/neo4j`."""
    [command] = arguments
    if command in {"--version", "version"}:
        say(version_of(home))
        return 0
    commands: dict[str, Callable[[Path], int]] = {"start": start, "stop": stop, "status": status, "console": console}
    return commands[command](home)


def find_running(home: Path) -> int | None:
    """Give the number of the server's process as `run/neo4j.pid` has it, None when there is none."""
    with suppress(FileNotFoundError):
        pid = int((home / "run" / "neo4j.pid").read_text(encoding="ascii"))
        return pid if process.find_mark(pid) else None
    return None


def start(home: Path) -> int:
    """Start the server in the background; as in the distribution it may answer only later."""
    running = find_running(home)
    if running is not None:
        say(f"Neo4j is already running (pid:{running}).")
        return RUNNING
    say(f"Directories in use:\nhome:         {home}\nconfig:       {conf_folder(home)}\nStarting Neo4j.")
    with (home / "logs" / "neo4j.log").open("ab") as log:
        child = subprocess.Popen([sys.executable, "-P", "-m", "tests.distribution", "serve", str(home)], cwd=home,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (home / "run" / "neo4j.pid").write_text(str(child.pid), encoding="ascii")
    child.returncode = 0  # it lives on; nobody waits for it
    say(f"Started neo4j (pid:{child.pid}). It is available at http://localhost:7474\n"
          "There may be a short delay until the server is ready.")
    return 0


def stop(home: Path) -> int:
    """Stop the server and wait for its end."""
    pid = find_running(home)
    if pid is None:
        say("Neo4j is not running.")
        return 0
    say("Stopping Neo4j.", end="")
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + float(os.environ.get("NEO4J_SHUTDOWN_TIMEOUT") or STOP_SECONDS)
    while process.find_mark(pid):
        if time.monotonic() > until:
            say(f" failed to stop.\nNeo4j (pid:{pid}) took too long to stop.")
            return RUNNING
        time.sleep(0.05)
    say(" stopped.")
    return 0


def status(home: Path) -> int:
    """Say whether the server's process is there."""
    pid = find_running(home)
    say("Neo4j is not running." if pid is None else f"Neo4j is running at pid {pid}")
    return NOT_RUNNING if pid is None else 0


def console(home: Path) -> int:
    """Be the server, in the foreground."""
    (home / "run" / "neo4j.pid").write_text(str(os.getpid()), encoding="ascii")
    serve(home)
    return 0


def serve(home: Path) -> None:
    """Serve until SIGTERM, by the settings of `neo4j.conf` alone."""
    import jpype  # noqa: PLC0415 - only this process may load Java

    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    runtime = resolve(version_of(home))
    conf = conf_folder(home) / "neo4j.conf"
    heap = re.search(r"^server\.memory\.heap\.max_size=(.*)$", conf.read_text(encoding="utf-8"), re.MULTILINE)
    jpype.startJVM(str(runtime.jvm_library), "-Xrs", f"-Xmx{heap[1] if heap else '512m'}", *sharing_options(runtime),
                   *further_java_options(), *SERVER_OPENS, classpath=list(map(str, runtime.class_files)),
                   convertStrings=True)
    path = jpype.JClass("java.nio.file.Path").of
    builder = jpype.JClass("org.neo4j.dbms.api.DatabaseManagementServiceBuilder")(path(str(home)))
    builder.loadPropertiesFromFile(path(str(conf)))
    _quicken_shutdown(jpype, builder)
    service = builder.build()
    say("Started.")
    signal.sigwait(signals)
    service.shutdown()
    say("Stopped.")
    os._exit(0)


def admin_script(home: Path, arguments: Sequence[str]) -> int:
    """Be `bin/neo4j-admin`: heap from HEAP_SIZE, settings from NEO4J_CONF."""
    runtime = resolve(version_of(home))
    heap = os.environ.get("HEAP_SIZE")
    os.environ |= {"NEO4J_HOME": str(home), "NEO4J_CONF": str(conf_folder(home))}
    os.execv(runtime.java, [  # noqa: S606 - as its script does, too
        str(runtime.java), *([f"-Xmx{heap}", f"-Xms{heap}"] if heap else []),
        *sharing_options(runtime), *further_java_options(), *ADMIN_OPENS, "-cp", runtime.class_path,
        "org.neo4j.cli.AdminTool", *arguments])


def shell_script(home: Path, arguments: Sequence[str]) -> int:
    """Be `bin/cypher-shell`: run statements from a file, an argument or stdin; the first error ends it with code 1."""
    parser = argparse.ArgumentParser(prog="cypher-shell")
    parser.add_argument("-a", "--address", "--uri", default=os.environ.get("NEO4J_ADDRESS", "neo4j://localhost:7687"))
    parser.add_argument("-u", "--username", default=os.environ.get("NEO4J_USERNAME"))
    parser.add_argument("-p", "--password", default=os.environ.get("NEO4J_PASSWORD"))
    parser.add_argument("-d", "--database", default=os.environ.get("NEO4J_DATABASE"))
    parser.add_argument("-f", "--file", type=Path)
    parser.add_argument("--format", choices=("auto", "verbose", "plain"), default="auto")
    parser.add_argument("--non-interactive", action="store_true")
    parser.add_argument("cypher", nargs="?")
    given = parser.parse_args(arguments)
    text = given.cypher or (given.file.read_text(encoding="utf-8") if given.file else sys.stdin.read())
    try:
        with neo4j.GraphDatabase.driver(given.address, auth=(given.username, given.password),
                                        notifications_min_severity="OFF") as driver, \
                driver.session(database=given.database) as session:
            for statement in split_statements(text):
                result = session.run(statement)
                if result.keys():
                    say(", ".join(result.keys()))
                for row in result:
                    say(", ".join(map(as_plain, row.values())))
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def split_statements(text: str) -> list[str]:
    """Split Cypher at each semicolon that stands in no quotes and no comment."""
    tokens = re.compile(r"`[^`]*`|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|//[^\n]*|/\*.*?\*/|;|[^`'\"/;]+|/", re.DOTALL)
    statements = [""]
    for token in tokens.findall(text):
        if token == ";":
            statements.append("")
        elif not token.startswith(("//", "/*")):
            statements[-1] += token
    return [statement.strip() for statement in statements if statement.strip()]


def as_plain(value: object) -> str:
    """Write a value as `--format plain` does: text in quotes, the rest as in Cypher."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"[{', '.join(map(as_plain, value))}]" if isinstance(value, list) else str(value)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
