"""Runs Neo4j's admin tool (`org.neo4j.cli.AdminTool`) on a data folder; knows nothing of what is imported or why."""

from __future__ import annotations

import codecs
import itertools
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from importer.servers import process
from importer.servers.causes import find_cause
from importer.servers.runtime import Runtime, clean_environment, further_java_options, version_key
from importer.servers.settings import ADMIN_OPENS, DEFAULT_HEAP, check_size, conf_text, folder_settings
from synthgen.errors import ServerError

READ_BYTES = 4096
FOLDER = ".admin."
PROCESS = "process"
END_SECONDS = 1.0
WATCH_SECONDS = 1.0
FIRST_CALENDAR_VERSION = (2025,)
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
        code, output = self._run_once(args, size, on_line, watch)
        if code and self._keeps_the_cause_to_itself(args):
            _, output = self._run_once([*args, "--verbose"], size, None, watch)
        if code:
            raise _failure(args, code, output)
        return output

    def _keeps_the_cause_to_itself(self, args: Sequence[str]) -> bool:
        """Say whether a failed import has to be run again to learn which row of which file was at fault.

        Only 5.26 does; it names the cause with `--verbose`, but then it has no progress in percent.
        """
        is_import = list(args[:2]) == ["database", "import"] and "--verbose" not in args
        may_repeat = not _REPEATABLE.isdisjoint(args)
        return is_import and may_repeat and version_key(self.runtime.version) < FIRST_CALENDAR_VERSION

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
            java_args = [f"-Xmx{heap}", "-Dfile.encoding=UTF-8", *further_java_options(), *ADMIN_OPENS,
                         "-cp", self.runtime.class_path]
            (conf / "arguments").write_text(
                argument_text([*java_args, "org.neo4j.cli.AdminTool", *args]), encoding="utf-8")
            return self._stream(conf, on_line, watch)

    def _stream(
        self, conf: Path, on_line: Callable[[str], None] | None, watch: Callable[[], None]
    ) -> tuple[int, str]:
        environment = {**clean_environment(), "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(conf)}
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        output, line = [], ""
        command = [str(self.runtime.java), f"@{conf / 'arguments'}"]
        with subprocess.Popen(command, cwd=self.home / "logs", env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            try:
                (conf / PROCESS).write_text(f"{child.pid} {process.find_mark(child.pid)}", encoding="ascii")
                while child.stdout:
                    readable, _, _ = select.select([child.stdout], [], [], WATCH_SECONDS)
                    watch()
                    if not readable:
                        continue
                    chunk = os.read(child.stdout.fileno(), READ_BYTES)
                    if not chunk:
                        break
                    text = decoder.decode(chunk)
                    output.append(text)
                    *whole, line = (line + text).split("\n")
                    if on_line:
                        for one in (*whole, *([line] if line else [])):
                            on_line(one.rstrip("\r"))
            except BaseException:
                child.terminate()
                try:
                    child.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                raise
        return child.returncode, "".join(output)


def end_orphans(home: Path) -> None:
    """End the admin tools of a home whose owner was killed, and remove what they left; the caller runs none there.

    Raises:
        ServerError: One does not end.
    """
    for folder in home.glob(f"{FOLDER}*"):
        pid, _, mark = _read(folder / PROCESS).partition(" ")
        try:
            if pid.isdigit():
                process.end(int(pid), mark, timeout_s=END_SECONDS)
        except TimeoutError as error:
            raise ServerError(f"a neo4j-admin that was left over does not end: {error}",
                              hint=f"end process {pid} by hand", pid=int(pid)) from error
        shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


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


def _failure(args: Sequence[str], code: int, output: str) -> ServerError:
    command = " ".join(itertools.takewhile(lambda one: not one.startswith("-"), args[:3]))
    cause = find_cause(output)
    return ServerError("\n  ".join([f"neo4j-admin {command} failed with code {code}:", *cause]),
                       hint="the lines above name the cause", command=command, code=code, output=cause)
