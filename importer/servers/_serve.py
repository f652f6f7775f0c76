"""The process that a local Neo4j lives in: `python -m importer.servers._serve HOME`; knows only `HOME/conf`.

It frees itself from whoever started it, prints its process number, and waits for a line on stdin before it does
anything, so that no server runs that is not on record. SIGTERM shuts the database down cleanly.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from importer.servers.logs import server_log
from importer.servers.runtime import further_java_options
from importer.servers.settings import SERVER_OPENS


def main(home: Path) -> None:
    """Detach, then serve until SIGTERM."""
    if os.fork():
        os._exit(0)
    os.setsid()
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    if not sys.stdin.readline():
        os._exit(0)
    _take_log(server_log(home))
    # Blocked before Java makes its threads, which inherit it: so only sigwait below ever sees them.
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    _serve(home, signals)


def _take_log(path: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def open_service(home: Path, *options: str) -> tuple[Any, Any]:
    """Start Java in this process, and in it the Neo4j of a home; give jpype and Neo4j's service.

    Args:
        home: Its `conf` says all; the password is set at the first start.
        options: Java's, beside those in `conf`.
    """
    import jpype  # noqa: PLC0415 - only a process of its own may load Java

    launch = json.loads((home / "conf" / "launch.json").read_text(encoding="utf-8"))
    jpype.startJVM(
        launch["jvm_library"],
        "-Xrs",  # Java leaves the signals to us
        f"-Xmx{launch['heap']}",
        "-XX:+ExitOnOutOfMemoryError",
        "-Dfile.encoding=UTF-8",
        *launch["java_options"],
        *further_java_options(),
        *options,
        *SERVER_OPENS,
        classpath=sorted(str(jar) for jar in Path(launch["jars"]).glob("*.jar")),
        convertStrings=True,
    )
    folder = jpype.JClass("java.nio.file.Path").of(str(home))
    if not (home / "data" / "databases" / "system").exists():
        _set_initial_password(jpype, folder, home)
    builder = jpype.JClass("org.neo4j.dbms.api.DatabaseManagementServiceBuilder")(folder)
    builder.loadPropertiesFromFile(folder.resolve("conf").resolve("neo4j.conf"))
    _quicken_shutdown(jpype, builder)
    return jpype, builder.build()


def _serve(home: Path, signals: set[signal.Signals]) -> None:
    _, service = open_service(home)
    # Only now is it sure that what answers on our port is us.
    (home / "conf" / "up").write_text(str(os.getpid()), encoding="ascii")
    _say("up")
    number = signal.sigwait(signals)
    _say(f"shutting down on {signal.Signals(number).name}")
    service.shutdown()
    _say("down")
    # Python's own end would wait for Java threads that have nothing left to do.
    os._exit(0)


def _quicken_shutdown(jpype: Any, builder: Any) -> None:
    """Take out the quiet period of 5 s that each of two Bolt connectors waits for after its connections are closed."""
    settings = jpype.JClass("org.neo4j.configuration.GraphDatabaseInternalSettings")
    quiet_period = getattr(settings, "netty_server_shutdown_quiet_period", None)
    if quiet_period is not None:
        # Seconds as a number in 5.26, a duration since.
        duration = jpype.JClass("java.time.Duration")
        is_duration = isinstance(quiet_period.defaultValue(), duration)
        builder.setConfig(quiet_period, duration.ZERO if is_duration else jpype.JClass("java.lang.Integer")(0))


def _set_initial_password(jpype: Any, folder: Any, home: Path) -> None:
    """Run `dbms set-initial-password` within this process, where no one sees its arguments."""
    context = jpype.JClass("org.neo4j.cli.ExecutionContext")(folder, folder.resolve("conf"))
    password = (home / "password").read_text(encoding="utf-8").strip()
    code = jpype.JClass("org.neo4j.cli.AdminTool").execute(context, ["dbms", "set-initial-password", "--", password])
    if code:
        _say(f"the initial password could not be set (code {code})")
        os._exit(1)


def _say(text: str) -> None:
    sys.stdout.write(f"synthgen: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
