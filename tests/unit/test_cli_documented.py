"""Every command of both programs: its help, its examples, its options, and its place in the README."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from importer.cli import app as importer
from synthgen.cli import app as synthgen

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAMS = {"synthgen": typer.main.get_command(synthgen), "importer": typer.main.get_command(importer)}


def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Give every command below a program with its full name."""
    commands = getattr(command, "commands", None)
    if commands is None:
        yield name, command
        return
    for part, below in commands.items():
        yield from walk(f"{name} {part}", below)


COMMANDS = dict(pair for name, program in PROGRAMS.items() for pair in walk(name, program))


def text_of(command: click.Command) -> str:
    """Give all the words of a command's help beside its options."""
    return f"{command.help or ''}\n{command.epilog or ''}"


def command_lines() -> list[str]:
    """Give every command line that the README or a help text shows."""
    shown = re.findall(r"^(?:    )?((?:synthgen|importer) [a-z].*)$", README, re.MULTILINE)
    shown += [example for command in COMMANDS.values()
              for example in re.findall(r"Example: `?((?:synthgen|importer)[^`\n]*)`?", text_of(command))]
    return sorted({re.sub(r"\s{2,}#.*$", "", line).strip() for line in shown})


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name):
    """A sentence of help, an example that is this very command, and words for each option and argument."""
    command = COMMANDS[name]
    assert len((command.help or "").strip()) > 20
    assert re.search(rf"Example: `?{name}\b", text_of(command))
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{name} {parameter.opts}"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_speaks_json(name):
    """`--json` is an option of every command."""
    assert "--json" in {option for parameter in COMMANDS[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_readme(name):
    """A newcomer finds it there, by its full name or, within a group, by the group's and its own."""
    group, _, leaf = name.rpartition(" ")
    assert name in README or (len(group.split()) > 1 and group in README and f"`{leaf}`" in README)


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_that_is_shown_is_understood(line):
    """What README and help show can be typed: the command is there, and so is each option it is given."""
    program, *arguments = shlex.split(line)
    command, context = PROGRAMS[program], None
    while hasattr(command, "commands"):
        assert arguments, line
        name, *arguments = arguments
        assert name in command.commands, line
        command = command.commands[name]
    context = command.make_context(command.name, arguments)
    assert context.params


def test_the_readme_shows_command_lines():
    """The test above has something to look at."""
    assert len(command_lines()) > len(COMMANDS) // 2


@pytest.mark.parametrize("program", PROGRAMS)
def test_exit_codes_are_in_the_help_and_the_readme(program):
    """The same for both, but that only one validates."""
    codes = {0, 1, 2, 4, 5, 10, 11, 12, 130} | ({3} if program == "importer" else set())
    said = re.search(r"Exit codes: ([^.]*)\.", PROGRAMS[program].help)
    assert {int(code) for code in re.findall(r"\b(\d+) [a-z]", said[1])} == codes
    for code in codes:
        assert re.search(rf"\b{code} [a-z]", README[README.index("Exit codes:"):])
