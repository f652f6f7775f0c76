"""Makes and finds the archive of loaded classes that Java starts Neo4j from; knows no home folder of a user.

Java spends half of a start on reading, checking and linking 16,000 classes. With an archive of them (class data
sharing) it maps one file instead. Measured on two busy cores, in seconds of processor: server start 8.4 → 4.9 (5.26.30)
and 9.6 → 5.3 (2026.09.0), import of 1,000 nodes 4.5 → 3.1 and 4.6 → 3.5. It is made once per version and Java, before
the first start, takes about as much as ten starts save and 150 MB, and lies beside the jars. Java itself refuses an
archive of other jars or of another Java, and then starts without, as it does when there is none; so each Java that uses
these jars, such as that of each virtual environment, has its own. Those of a Java that is gone go when one is made.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from importer.servers.files import write_launch_files
from importer.servers.runtime import Runtime, cache_folder, clean_environment, module_path
from importer.servers.settings import DEFAULT_HEAP
from importer.servers.state import Record
from synthgen.errors import ServerError
from synthgen.progress import Progress, silent

FOLDER = "classes"
LEAST_FREE = 1_000_000_000
LONGEST_SECONDS = 600
# Java ends at a longer line, and warns of each class that another run gives another name.
LONGEST_LINE = 4_000
UNFINISHED = ".making."
SUFFIX, OWNER = ".jsa", ".java"
UNSTABLE = "/$Proxy"


def sharing_options(runtime: Runtime) -> list[str]:
    """Give the Java options that use the archive; none when there is no archive for this Java and these jars."""
    try:
        archive = _archive(runtime)
        if not archive.stat().st_size:
            return []
    except OSError:
        return []
    # What Java says about an archive that it does not use would stand among Neo4j's own lines.
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]


def prepare_sharing(runtime: Runtime, *, progress: Progress = silent) -> None:
    """Make the archive unless there is one; whatever goes wrong, starts only stay as slow as they are without.

    An attempt that failed leaves an empty file, so that it is not repeated at each start.
    """
    try:
        archive = _archive(runtime)
        if archive.exists():
            return
        archive.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(archive.parent).free < LEAST_FREE:
            return
        with FileLock(archive.parent / ".lock").acquire(timeout=0):
            if not archive.exists():
                _make(runtime, archive, progress)
    except (OSError, Timeout):
        return


def _make(runtime: Runtime, archive: Path, progress: Progress) -> None:
    phase = f"prepare quick starts of Neo4j {runtime.version}"
    for old in archive.parent.glob(f"{runtime.version}-*{SUFFIX}"):
        if _owner(old) in {None, runtime.java}:
            old.unlink()
            old.with_suffix(OWNER).unlink(missing_ok=True)
    for left in archive.parent.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=archive.parent) as folder:
        made = Path(folder) / archive.name
        try:
            progress(phase, 0, 2)
            classes = _note_classes(runtime, Path(folder) / "home")
            progress(phase, 1, 2)
            _run(str(runtime.java), "-Xshare:dump", "-Xlog:disable", f"-XX:SharedClassListFile={classes}",
                 f"-XX:SharedArchiveFile={made}", "-cp", runtime.class_path)
            progress(phase, 2, 2)
        except (OSError, subprocess.SubprocessError, ServerError):
            made.unlink(missing_ok=True)
            made.touch()
        archive.with_suffix(OWNER).write_text(str(runtime.java), encoding="utf-8")
        made.replace(archive)


def _owner(archive: Path) -> Path | None:
    """Give the Java that an archive is for; None when it is not there any more."""
    try:
        java = Path(archive.with_suffix(OWNER).read_text(encoding="utf-8"))
    except OSError:
        return None
    return java if java.exists() else None


def _note_classes(runtime: Runtime, home: Path) -> Path:
    """Let a server and an import run once in a home of their own; give the list of the classes they used."""
    home.mkdir(mode=0o700)
    write_launch_files(home, runtime, Record(
        home=str(home), version=runtime.version, port=0, heap=DEFAULT_HEAP, page_cache="8m"))
    noted, classes = home / "noted", home / "classes"
    _run(sys.executable, "-P", "-m", "importer.servers._train", str(home), str(noted))
    with noted.open(encoding="utf-8") as source, classes.open("w", encoding="utf-8") as target:
        target.writelines(line for line in source
                          if line.endswith("\n") and len(line) < LONGEST_LINE and UNSTABLE not in line)
    return classes


def _run(*command: str) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(command, env={**clean_environment(), "PYTHONPATH": module_path()}, check=True, stdin=nothing,
                   stdout=nothing, stderr=nothing, timeout=LONGEST_SECONDS)


def _archive(runtime: Runtime) -> Path:
    """Name the archive by what it is valid for: this Java, and these jars as they are."""
    listing = [str(runtime.java.resolve()), (runtime.java.parent.parent / "release").read_text(encoding="utf-8")]
    listing += [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in runtime.class_files]
    key = hashlib.blake2b("\n".join(listing).encode(), digest_size=8).hexdigest()
    return cache_folder() / FOLDER / f"{runtime.version}-{key}{SUFFIX}"

