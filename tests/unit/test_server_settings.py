"""What our Neo4j is told, and what is refused before it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.servers.admin import argument_text
from importer.servers.causes import find_cause, find_failed_start
from importer.servers.runtime import clean_environment, version_key
from importer.servers.settings import check_config, check_port, check_size, conf_text, server_settings
from synthgen.errors import ServerError, UsageError

HOME = Path("/srv/a home")


def test_the_server_listens_on_this_machine_only():
    """Bolt on 127.0.0.1, no HTTP, a password, nobody called."""
    settings = server_settings(HOME, port=7700, page_cache="64m")
    expected = {
        "server.bolt.listen_address": "127.0.0.1:7700",
        "server.default_listen_address": "127.0.0.1",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "dbms.security.auth_enabled": "true",
        "dbms.usage_report.enabled": "false",
        "server.memory.pagecache.size": "64m",
        "server.directories.data": "/srv/a home/data",
    }
    assert expected == {name: settings[name] for name in expected}


def test_a_backslash_survives_neo4j_conf():
    """The file is Java properties, where a backslash escapes."""
    assert conf_text({"a.b": "c\\d e"}) == "a.b=c\\\\d e\n"


@pytest.mark.parametrize("size", ["", "1", "2gb", "0g", "-1g", "1.5g", "1g -XX:Evil"])
def test_a_size_is_a_size(size):
    """Anything but a number and a unit is a usage error."""
    with pytest.raises(UsageError, match="is not a size"):
        check_size("heap", size)


def test_a_size_may_be_in_capitals():
    """2G is 2g."""
    assert check_size("heap", "2G") == "2g"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_a_port(port):
    """A number outside the range of ports is a usage error."""
    with pytest.raises(UsageError, match="is not a port"):
        check_port(port)


@pytest.mark.parametrize(
    ("name", "value"),
    [("nodots", "1"), ("db.x", "1\nserver.http.enabled=true"), ("server.bolt.listen_address", "0.0.0.0:1"),
     ("dbms.security.auth_enabled", "false"), ("server.http.enabled", "true"), ("server.directories.data", "/x")])
def test_further_settings_cannot_open_the_server(name, value):
    """What keeps the server to this machine and its folder is not for `--config`."""
    with pytest.raises(UsageError):
        check_config({name: value})


@pytest.mark.parametrize("version", ["", "latest", "5.26", "../../x", "5.26.30+evil:jar:1", "4.4.0", "5.25.1"])
def test_a_version_is_one_that_runs_here(version):
    """A version that is none, or is too old, is refused before anything is fetched."""
    with pytest.raises(UsageError):
        version_key(version)


def test_versions_are_compared_as_numbers():
    """The calendar versions come after 5.26, and 5.26.9 before 5.26.30."""
    assert version_key("5.26.9") < version_key("5.26.30") < version_key("2025.12.0") < version_key("2026.09.0")


def test_a_child_gets_no_password_from_our_environment(monkeypatch):
    """What NEO4J_PASSWORD holds, or would change a Java, does not reach a child process."""
    for name in ("NEO4J_PASSWORD", "NEO4J_AUTH", "JAVA_TOOL_OPTIONS", "CLASSPATH"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in clean_environment().values()


def test_arguments_reach_java_as_they_are():
    """Blanks, quotes and backslashes are kept in Java's argument file."""
    assert argument_text(["a b", 'q"', "c\\d", "#"]) == '"a b"\n"q\\""\n"c\\\\d"\n"#"\n'


def test_an_argument_is_one_line():
    """A file name with a line break cannot smuggle in another argument."""
    with pytest.raises(ServerError):
        argument_text(["--nodes=a\n--evil"])


def test_the_cause_of_a_failure_is_found_in_the_noise():
    """Progress, stack frames and rulers go; the innermost cause stays."""
    output = """
.......... .......... .......... .......... ..........   5% ∆158ms [158ms]
IMPORT FAILED in 337ms.
Caused by: org.neo4j.X: outer
\tat org.neo4j.A.b(A.java:1)
\t... 13 more
Caused by: org.neo4j.internal.batchimport.input.InputException: Invalid relationship
/data/r.csv: line 2
\tat org.neo4j.A.b(A.java:1)
Caused by: org.neo4j.internal.batchimport.input.InputException: referring to missing node 99
\tat org.neo4j.A.b(A.java:1)
"""
    assert find_cause(output) == ["Invalid relationship", "/data/r.csv: line 2", "referring to missing node 99"]


def test_the_summary_of_a_failure_is_preferred():
    """Where Neo4j sums up why it failed, that is what is said."""
    output = "IMPORT FAILED in 1s.\n-----\nCommand Failed\n\nInvalid ID value: `xx`.\n-----\n"
    assert find_cause(output) == ["Invalid ID value: `xx`."]


TRACE = """java.lang.RuntimeException: Error reading transaction logs, recovery not possible.
\tat org.neo4j.A.a(A.java:1)
Caused by: java.io.IOException: entries with prefix 85
\tat org.neo4j.B.b(B.java:2)
\t... 19 more"""


_ENTRY = "2026-11-28 10:00:0{}.000+0000 ERROR [o.n.D] {}\n"
_FAILED = "Failed to start DatabaseId{1[neo4j]}"


@pytest.mark.parametrize("log", [
    "".join([_ENTRY.format(1, _FAILED), "java.lang.Error: of before\n", _ENTRY.format(2, _FAILED), TRACE, "\n",
             _ENTRY.format(3, "Caused by: something else")]),
    "\n".join(json.dumps(entry) for entry in (
        {"message": "begun"}, {"message": _FAILED, "stacktrace": TRACE}, {"message": "Caused by: something else"})),
], ids=["text", "JSON"])
def test_why_a_database_did_not_start_is_found_in_its_log(log):
    """The cause of the last try, in either form of the log, and nothing of what was logged afterwards."""
    assert find_failed_start(log) == ["entries with prefix 85"]


@pytest.mark.parametrize("log", ["", "2026-11-28 10:59:13.000+0000 INFO begun\n",
                                 '{"time":"2","message":"Failed to start DatabaseId{1[neo4j]}", "stack'])
def test_a_log_that_does_not_say_why_gives_nothing(log):
    """Empty, of something else, or cut off in the middle."""
    assert find_failed_start(log) == []
