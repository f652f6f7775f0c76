"""Runs a program to its end and tells of its lines as they come; on record, so that a later run can end an orphan."""

from __future__ import annotations

import codecs
import os
import select
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from importer.servers import process
from importer.servers.folders import Folders
from importer.servers.target import Remove
from synthgen.errors import ServerError

READ_BYTES = 4096
FOLDER = ".admin."
PROCESS = "process"
END_SECONDS = 1.0
WATCH_SECONDS = 1.0


def run_streaming(
    command: Sequence[str],
    *,
    record: Path,
    cwd: Path,
    environment: Mapping[str, str],
    owner: tuple[int, int] | None = None,
    on_line: Callable[[str], None] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """Run a program in a session of its own; gives its exit code and all it printed.

    Args:
        command: The program and its arguments.
        record: A folder named `FOLDER` and something, in which its process is put on record.
        cwd: The folder to run it in.
        environment: All of its environment.
        owner: User and group number to run it as; ours by default.
        on_line: Told of each line as it comes, and of a line that is being written as it grows.
        watch: Called about once a second; when it raises, the program is ended.

    Raises:
        OSError: It cannot be started.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    output, line = [], ""
    user, group = owner or (None, None)
    with subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True, user=user, group=group,
                          extra_groups=None if owner is None else []) as child:
        mark = process.find_mark(child.pid)
        try:
            (record / PROCESS).write_text(f"{child.pid} {mark}", encoding="ascii")
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
            if mark is not None:
                process.end_group(child.pid, mark, timeout_s=END_SECONDS)
            raise
    return child.returncode, "".join(output)


def end_orphans(folder: Path) -> None:
    """End the programs on record below a folder whose owner was killed, and remove what they left; ours have ended.

    Raises:
        ServerError: One does not end, or what it left cannot be removed.
    """
    for record in folder.glob(f"{FOLDER}*"):
        pid, _, mark = _read(record / PROCESS).partition(" ")
        try:
            if pid.isdigit():
                process.end_group(int(pid), mark, timeout_s=END_SECONDS)
        except TimeoutError as error:
            raise ServerError(f"a neo4j-admin that was left over does not end: {error}",
                              hint=f"end process {pid} by hand", pid=int(pid)) from error
        Folders(folder).do([Remove(record)])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
