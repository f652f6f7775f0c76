"""Runs Neo4j's admin tool (`org.neo4j.cli.AdminTool`) on a data folder; knows nothing of what is imported or why."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from importer.servers.causes import find_cause
from importer.servers.running import FOLDER, run_streaming
from importer.servers.runtime import Runtime, clean_environment, further_java_options, version_key
from importer.servers.settings import ADMIN_OPENS, DEFAULT_HEAP, check_size, conf_text, folder_settings
from importer.servers.sharing import sharing_options
from synthgen.errors import ServerError

OnLine = Callable[[str], None]
RunOnce = Callable[[Sequence[str], OnLine | None], tuple[int, str]]
FIRST_CALENDAR_VERSION = (2025,)
_LAST_COMMITTED = re.compile(r'"lastCommittedTransaction"\s*:\s*"(\d+)"')
_REPEATABLE = frozenset({"--overwrite-destination", "--overwrite-destination=true"})


class AdminTool:
    """Neo4j's admin tool for one data folder, which no running server may use at the time.

    Args:
        runtime: The Neo4j version to run; no older than the one that made the data folder.
        home: The server's home folder; made when missing. Logs and import reports go to its `logs`.
        data_dir: The data folder to work on, `<home>/data` by default; another one for staging.
        heap: Java heap of each command.
        config: Further Neo4j settings.
    """

    def __init__(
        self,
        runtime: Runtime,
        home: Path,
        *,
        data_dir: Path | None = None,
        heap: str = DEFAULT_HEAP,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self.runtime = runtime
        self.home = Path(home).resolve()
        self.data_dir = Path(data_dir).resolve() if data_dir is not None else self.home / "data"
        self._heap = check_size("heap", heap)
        self._config = dict(config or {})

    def run(
        self,
        args: Sequence[str],
        *,
        heap: str | None = None,
        on_line: Callable[[str], None] | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> str:
        """Run one command, such as `["database", "import", "full", "neo4j", …]`, and return all it printed.

        The arguments are not visible in the process list: they go through a file that only its owner reads and that
        is removed afterwards. Paths among them must be absolute.

        Args:
            args: The command and its arguments.
            heap: Java heap of this run, when other than the tool's own.
            on_line: Told of each line as it comes, and of a line that is being written as it grows.
            watch: Called about once a second; when it raises, the command is ended.

        Raises:
            ServerError: The command failed; the message holds the last lines it printed, `facts` the exit code.
        """
        size = check_size("heap", heap) if heap is not None else self._heap
        return with_the_cause(self.runtime.version, args,
                              lambda given, told: self._run_once(given, size, told, watch), on_line)

    def _run_once(
        self, args: Sequence[str], heap: str, on_line: Callable[[str], None] | None, watch: Callable[[], None]
    ) -> tuple[int, str]:
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        # This folder is for its owner only, and so is what is written into it.
        with tempfile.TemporaryDirectory(prefix=FOLDER, dir=self.home) as folder:
            conf = Path(folder)
            settings = {**folder_settings(self.home, self.data_dir), **self._config}
            (conf / "neo4j.conf").write_text(conf_text(settings), encoding="utf-8")
            java_args = [f"-Xmx{heap}", "-Dfile.encoding=UTF-8", *sharing_options(self.runtime),
                         *further_java_options(), *ADMIN_OPENS, "-cp", self.runtime.class_path]
            (conf / "arguments").write_text(
                argument_text([*java_args, "org.neo4j.cli.AdminTool", *args]), encoding="utf-8")
            environment = {**clean_environment(), "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(conf)}
            return run_streaming([str(self.runtime.java), f"@{conf / 'arguments'}"], record=conf,
                                 cwd=self.home / "logs", environment=environment, on_line=on_line, watch=watch)


def with_the_cause(version: str, args: Sequence[str], run: RunOnce, on_line: OnLine | None) -> str:
    """Run an admin command, once more if only so it says why it failed; gives what it printed.

    Args:
        version: Neo4j's.
        args: The command and its arguments.
        run: Runs it with the arguments given, tells of its lines, and gives its exit code and what it printed.
        on_line: Told of each line of the first run.

    Raises:
        ServerError: The command failed; the message holds the last lines it printed, `facts` the exit code.
    """
    code, output = run(args, on_line)
    if code and _keeps_the_cause_to_itself(version, args):
        _, output = run([*args, "--verbose"], None)
    if code:
        raise _failure(args, code, output)
    return output


def _keeps_the_cause_to_itself(version: str, args: Sequence[str]) -> bool:
    """Say whether a failed import has to be run again to learn which row of which file was at fault.

    Only 5.26 does; it names the cause with `--verbose`, but then it has no progress in percent.
    """
    is_import = list(args[:2]) == ["database", "import"] and "--verbose" not in args
    may_repeat = not _REPEATABLE.isdisjoint(args)
    return is_import and may_repeat and version_key(version) < FIRST_CALENDAR_VERSION


def run_admin(runtime: Runtime, home: Path, args: Sequence[str], *, heap: str = DEFAULT_HEAP,
              on_line: Callable[[str], None] | None = None) -> str:
    """Run one admin command on a home's own data folder; as `AdminTool.run`."""
    return AdminTool(runtime, home, heap=heap).run(args, on_line=on_line)


def argument_text(args: Sequence[str]) -> str:
    r"""Write arguments as Java and neo4j-admin read them from a file: quoted, with `\` before `\` and `"`.

    Raises:
        ServerError: One has a line end in it.
    """
    if any("\0" in one or "\n" in one or "\r" in one for one in args):
        raise ServerError("an argument of the admin tool has more than one line", hint="rename the file it names")
    return "".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for one in args)


def info_command(database: str) -> list[str]:
    """Give the admin command that says what a database's store at rest is like, as JSON."""
    return ["database", "info", database, "--format=json"]


def read_last_committed(output: str, where: str) -> int:
    """Read the last transaction's number from what `info_command` printed.

    Raises:
        ServerError: It is not in it.
    """
    found = _LAST_COMMITTED.search(output)
    if found is None:
        raise ServerError(f"neo4j-admin does not say which transaction is the last one of {where}: {output.strip()}",
                          hint="report this")
    return int(found[1])


def _failure(args: Sequence[str], code: int, output: str) -> ServerError:
    command = " ".join(itertools.takewhile(lambda one: not one.startswith("-"), args[:3]))
    cause = find_cause(output)
    return ServerError("\n  ".join([f"neo4j-admin {command} failed with code {code}:", *cause]),
                       hint="the lines above name the cause", command=command, code=code, output=cause)
