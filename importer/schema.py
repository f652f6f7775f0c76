"""Creates indexes and constraints in a database, and looks beforehand whether its server can; knows no store."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress

import neo4j
from neo4j.exceptions import ClientError, DatabaseError

from importer.cypher import DIALECT
from importer.schema_choice import LOOKUP, SchemaChoice, describe
from importer.schema_fit import find_obstacle, statement_on
from synthgen.database import Address, Server, ask_server, quote, translated
from synthgen.errors import LoadFailedError, RefusedError
from synthgen.graph import SchemaItem
from synthgen.snapshot.schema import read_schema

INDEX_SECONDS = 3600
LEAVE_OUT = "--leave-out-schema"


def check_schema(driver: neo4j.Driver, address: Address, choice: SchemaChoice) -> None:
    """Make sure that a server can create what is chosen; changes nothing.

    Raises:
        RefusedError: It cannot; `facts["schema"]` names each item with the reason.
    """
    server = ask_server(driver, address)
    with translated(address):
        analyzers = driver.execute_query(
            DIALECT + "CALL db.index.fulltext.listAvailableAnalyzers() YIELD analyzer RETURN collect(analyzer)",
            database_=address.database).records[0][0]
    found = [(item, find_obstacle(item, server, analyzers) or _explain(driver, address, item, server))
             for item in choice.items]
    unfit = [(item, reason) for item, reason in found if reason]
    if unfit:
        raise RefusedError(
            f"{server} at {address.uri} cannot create "
            + "; ".join(f"{describe(item)}: {reason}" for item, reason in unfit),
            hint=f"use a server that can, or do without: {leave_out_options([item.name for item, _ in unfit])}",
            schema=[{"name": item.name, "type": item.type, "reason": reason} for item, reason in unfit])


def begin_schema(
    driver: neo4j.Driver, address: Address, choice: SchemaChoice, beside: Sequence[str] = ()
) -> bool:
    """Create what is chosen in a store that an import made; waits for constraints, but for no index.

    Args:
        driver: The connection.
        address: The database.
        choice: What is created, but for lookup indexes, which a new store has.
        beside: Statements that create further indexes, in the same transaction so that one scan fills all.

    Returns:
        Whether `beside` was done; nothing of it is when the server refuses any, which is no trouble of the choice's.

    Raises:
        LoadFailedError: An item cannot be created.
    """
    server = ask_server(driver, address)
    others = [item for item in choice.items if item.type != LOOKUP]
    for item in others:
        if item.kind == "constraint":
            _create(driver, address, [item], server)
    indexes = [item for item in others if item.kind != "constraint"]
    try:
        _create(driver, address, indexes, server, beside)
    except LoadFailedError:
        if not beside:
            raise
        _create(driver, address, indexes, server)
        return False
    return True


def end_schema(driver: neo4j.Driver, address: Address, choice: SchemaChoice) -> None:
    """Wait until all that `begin_schema` created is in use, then see to the lookup indexes.

    A new store has two, which help to fill the others: they are given their names, or dropped, last.

    Raises:
        LoadFailedError: An index could not be filled, or the schema is not what was chosen.
    """
    server = ask_server(driver, address)
    _wait(driver, address)
    lookups = choice.lookups_anew()
    for present in read_schema(driver, address, server):
        if present.type != LOOKUP or present.entity not in lookups:
            continue
        with translated(address):
            driver.execute_query(f"{DIALECT}DROP INDEX {quote(present.name)}", database_=address.database)
        wanted = lookups[present.entity]
        if wanted is not None:
            _create(driver, address, [wanted], server)
    _wait(driver, address)
    if wrong := choice.find_differences(read_schema(driver, address)):
        raise LoadFailedError(f"after the load the schema is not the snapshot's: {'; '.join(wrong)}",
                              hint="report this: the load is undone", schema=wrong)


def leave_out_options(names: Sequence[str]) -> str:
    """Write the options that leave items out, as a shell reads them."""
    return " ".join(f"{LEAVE_OUT} {shlex.quote(name)}" for name in names)


def _explain(driver: neo4j.Driver, address: Address, item: SchemaItem, server: Server) -> str:
    """Ask the server whether it understands a statement; gives what it says against it."""
    with translated(address):
        try:
            driver.execute_query("EXPLAIN " + statement_on(item, server.version), database_=address.database)
        except ClientError as error:
            if "Statement" not in str(error.code):
                raise
            return f"{server} does not know its statement: {_first_line(error.message)}"
    return ""


def _create(driver: neo4j.Driver, address: Address, items: Sequence[SchemaItem], server: Server,
            beside: Sequence[str] = ()) -> None:
    """Create some items, and run what is beside them, all or nothing of it."""
    def create(transaction: neo4j.ManagedTransaction) -> None:
        for item in items:
            try:
                transaction.run(statement_on(item, server.version)).consume()
            except (ClientError, DatabaseError) as error:
                raise _failed(f"{describe(item)} cannot be created: {error.message}", [item.name]) from error
        for statement in beside:
            try:
                transaction.run(statement).consume()
            except (ClientError, DatabaseError) as error:
                raise LoadFailedError(f"{statement} was refused: {error.message}") from error

    with translated(address), driver.session(database=address.database) as session:
        session.execute_write(create)


def _wait(driver: neo4j.Driver, address: Address) -> None:
    with translated(address):
        # It fails when an index did, or when the time is over: which ones is asked afterwards.
        with suppress(ClientError):
            driver.execute_query("CALL db.awaitIndexes($seconds)", {"seconds": INDEX_SECONDS},
                                 database_=address.database)
        unfit = driver.execute_query(
            f"{DIALECT}SHOW INDEXES YIELD name, state, failureMessage WHERE state <> 'ONLINE'"
            " RETURN name, state, failureMessage ORDER BY name", database_=address.database).records
    if unfit:
        raise _failed("; ".join(f"index `{name}` is {state} and not ONLINE: {_first_line(message)}"
                                for name, state, message in unfit), [name for name, _, _ in unfit])


def _failed(message: str, names: Sequence[str]) -> LoadFailedError:
    return LoadFailedError(message, hint=f"mend the cause, or do without: {leave_out_options(names)}",
                           schema=list(names))


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
