"""Picks the lines that name the cause out of what Neo4j printed; pure text."""

from __future__ import annotations

import json
import re

LINES = 12
CAUSES_SHOWN = 2
# Progress bars, counts of files, stack frames of Java and of Python, rulers, and advice that does not apply here.
_NOISE = re.compile(
    r"\s*$|[. ]+\d+%|-\.\.|-+$|Files: \d|\s+at [\w.$]+[(/]|\s*\.\.\. \d+ more"
    r"|VM |JIT compiler|neo4j \d|Configuration files|.*/neo4j\.conf$|Run with '--verbose'|Data statistics|Peak memory"
    r"|Traceback \(|\s+File \"|\s+\^+$|The above exception was"
    r"|\s+Estimated |Critical error occurred|WARNING Import failed|Full exception|Please provide this"
)
_SUMMARY = "\nCommand Failed\n"
_CAUSED_BY = "Caused by:"
_FAILED_START = "Failed to start DatabaseId"
_NEXT_ENTRY = re.compile(r"\n\d{4}-\d\d-\d\d ")
_EXCEPTION = re.compile(r"^(Caused by: )?[\w.$]+(Exception|Error): ")


def find_cause(output: str) -> list[str]:
    """Find the innermost exceptions of a trace, or else what was said last; empty when nothing was said."""
    # Since 2025 a failure ends with a summary of its own.
    _, _, summary = output.rpartition(_SUMMARY)
    said = [line.rstrip() for line in summary.splitlines() if not _NOISE.match(line)]
    causes = [place for place, line in enumerate(said) if line.startswith(_CAUSED_BY)]
    if causes:
        said = said[causes[-min(len(causes), CAUSES_SHOWN)]:]
    return list(dict.fromkeys(_EXCEPTION.sub("", line).strip() for line in said))[-LINES:]


def find_failed_start(log: str) -> list[str]:
    """Find in Neo4j's own log why a database did not start when it was tried last; empty when it says nothing of it.

    An entry is a line with a trace behind it, or, since 2025, a line of JSON with the trace in it.
    """
    before, begun, after = log.rpartition(_FAILED_START)
    if not begun:
        return []
    line = before.rpartition("\n")[2]
    if line.startswith("{"):
        try:
            return find_cause(json.loads(line + begun + after.partition("\n")[0])["stacktrace"])
        except (ValueError, KeyError):
            return []
    return find_cause(_NEXT_ENTRY.split(after.partition("\n")[2], maxsplit=1)[0])
