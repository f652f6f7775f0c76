"""What a command says and does of an offline load that was interrupted before it; knows no stages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import RefusedError, ServerError

if TYPE_CHECKING:
    from importer.servers.target import Target
    from synthgen.database import Address
    from synthgen.output import Output


def settle_configured(output: Output, address: Address, out: Path | None) -> None:
    """Do the same on the server that settings name, where it is one whose store is exchanged and we may look."""
    from importer.servers.targets import find_target

    try:
        target = find_target(address, out=out)
    except (RefusedError, ServerError) as error:
        # It is there, but not for us: reading needs no right to the store, nor Docker.
        output.say(f"note: not looked whether a load was interrupted: {error.message}")
        return
    settle_first(output, target)


def settle_first(output: Output, target: Target | None) -> None:
    """Settle what was interrupted before a command looks at the database, and say which database is there."""
    from importer.settle import settle_at

    settled = settle_at(target)
    if settled is not None:
        output.say(settled.text)
