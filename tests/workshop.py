"""The real command lines in child processes, and independent looks at the database; knows no library of the product."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import neo4j

from synthgen.database import Address
from synthgen.snapshot.export import digest_database
from tests.forked import ROOT, Forked

LONGEST_SECONDS = 900
MARKS = ("synthetic", "scale_operation_id", "generation_strategy", "generation_timestamp", "template_source_id",
         "scenario_name")


@dataclass(frozen=True)
class Answer:
    """What a command said: exit code, stdout as text and as JSON, stderr."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, Any]:
        """The error in that document."""
        return self.document["error"]


@dataclass(frozen=True)
class Workshop:
    """An out folder and a database, and the commands that work on both.

    Attributes:
        out: The out folder.
        address: The database, a local server's.
        driver: Looks at it behind the commands' back.
        settings: Environment of the commands, beside the out folder and the server's home.
    """

    out: Path
    address: Address
    driver: neo4j.Driver
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Where a command finds this out folder and this server, and nothing of the user's own; Java as in tests."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("NEO4J_", "SYNTHGEN_")) or name == "SYNTHGEN_JAVA_OPTIONS"}
        return {**kept, "PYTHONPATH": str(ROOT), "SYNTHGEN_OUT": str(self.out),
                "SYNTHGEN_HOME": str(self.address.home), **self.settings}

    def command(self, text: str, *further: str) -> list[str]:
        """Make the arguments of a command such as `importer load`."""
        program, *arguments = text.split()
        return [sys.executable, "-m", f"{program}.cli", *arguments, *further]

    def run(self, text: str, *further: str, **settings: str) -> Answer:
        """Run a command and give all it said."""
        with self._forked(text, *further, **settings) as child:
            return Answer(*child.wait(LONGEST_SECONDS))

    def _forked(self, text: str, *further: str, **settings: str) -> Forked:
        _, _, module, *arguments = self.command(text, *further)
        return Forked(module, arguments, environment={**self.environment, **settings}, folder=self.out.parent)

    def do(self, text: str, *further: str) -> dict[str, Any]:
        """Run a command with `--json` that must end well, and give its document."""
        answer = self.run(text, *further, "--json")
        assert answer.code == 0, f"{text}: {answer.code}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
        return answer.document

    @contextmanager
    def running(self, text: str, *further: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; at the end it must be over."""
        with subprocess.Popen(self.command(text, *further), env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.out.parent) as child:
            try:
                yield child
            finally:
                child.kill() if child.poll() is None else None

    def end_when(self, text: str, moment: Callable[[], bool], number: signal.Signals) -> Answer | None:
        """Run a command and send it a signal at a moment; gives what it said, None when the moment never came."""
        with self._forked(text) as child:
            while child.poll() is None:
                if moment():
                    child.send_signal(number)
                    return Answer(*child.wait(LONGEST_SECONDS))
                time.sleep(0.002)
        return None

    def answered(self, text: str, answer: bytes, **settings: str) -> Answer:
        """Run a command on a terminal of its own, type `answer` when it asks, and give what it said."""
        return on_a_terminal(self.command(text), answer, {**self.environment, **settings}, self.out.parent)

    def query(self, text: str, **parameters: Any) -> list[list[Any]]:
        """Run a statement and give its rows."""
        with self.driver.session(database=self.address.database) as session:
            return session.run(text, parameters).values()

    def one(self, text: str, **parameters: Any) -> Any:
        """Run a statement and give its one value."""
        [[value]] = self.query(text, **parameters)
        return value

    def digest(self) -> str:
        """Give the database's content digest."""
        return digest_database(self.driver, self.address).digest

    def schema(self) -> set[tuple[str, str, str, tuple[str, ...]]]:
        """Give what indexes and constraints there are: kind, type, label, properties; without the lookup indexes.

        The product's own indexes are not the user's; see `own_indexes`.
        """
        found = self.query("SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties WHERE type <> 'LOOKUP'"
                           " AND NOT name STARTS WITH '__synthgen_' RETURN 'index', type, labelsOrTypes[0], properties")
        found += self.query("SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties"
                            " RETURN 'constraint', type, labelsOrTypes[0], properties")
        return {(kind, type_, label, tuple(properties)) for kind, type_, label, properties in found}

    def own_indexes(self) -> set[tuple[str, str]]:
        """Give label and property of the product's own indexes that are in use."""
        return {(label, name) for label, name in self.query(
            "SHOW INDEXES YIELD name, state, labelsOrTypes, properties WHERE name STARTS WITH '__synthgen_'"
            " AND state = 'ONLINE' RETURN labelsOrTypes[0], properties[0]")}

    def traces(self) -> int:
        """Count what is ours: nodes that carry metadata or a label of the ledger, and indexes."""
        marked = " OR ".join(f"n.{name} IS NOT NULL" for name in MARKS)
        nodes = self.one(f"MATCH (n) WHERE {marked} OR any(l IN labels(n) WHERE l STARTS WITH '__') RETURN count(n)")
        return nodes + self.one("SHOW INDEXES YIELD name WHERE name STARTS WITH '__' RETURN count(*)")

    def files(self) -> set[str]:
        """Name all files in the out folder, and those of a load in the server's home."""
        home = Path(str(self.address.home))
        loads = [path for name in ("load.json", "staging", ".admin.*") for path in home.glob(name)]
        return {str(path.relative_to(self.out)) for path in self.out.rglob("*")} | {str(path) for path in loads}

    def manifest(self, operation_id: str) -> dict[str, Any]:
        """Read an operation's manifest."""
        return json.loads((self.out / "operations" / operation_id / "manifest.json").read_text(encoding="utf-8"))

    def events(self, operation_id: str) -> list[str]:
        """Name the events of an operation's history."""
        return [entry["event"] for entry in self.manifest(operation_id)["history"]]


def on_a_terminal(command: list[str], answer: bytes, environment: Mapping[str, str], folder: Path) -> Answer:
    """Run a command on a terminal of its own, type `answer` when it asks `[y/N]`, and give what it said."""
    ours, theirs = pty.openpty()
    said = b""

    def read_all() -> None:
        nonlocal said
        # A terminal that nobody is on any more cannot be read.
        with suppress(OSError):
            while piece := os.read(ours, 4096):
                said += piece
                if b"[y/N]" in said and not asked.is_set():
                    asked.set()
                    os.write(ours, answer)

    asked = threading.Event()
    reader = threading.Thread(target=read_all, daemon=True)
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=environment,
                          cwd=folder) as child:
        os.close(theirs)
        reader.start()
        stdout, _ = child.communicate(timeout=LONGEST_SECONDS)
        reader.join(10)
    os.close(ours)
    return Answer(child.returncode, stdout.decode(), said.decode())
