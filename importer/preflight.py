"""What server and database must be like before a load; looks and refuses with the way out, changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import neo4j

from importer.census import count_totals
from importer.cypher import DIALECT
from importer.schema_choice import SchemaChoice
from importer.servers.settings import size_in_bytes
from importer.servers.target import Make, Move, Remove, Target
from importer.servers.versions import Product, holds_vectors
from synthgen.database import Address, ask_server, translated
from synthgen.errors import LoadFailedError, RefusedError, ServerError, UsageError
from synthgen.graph import SchemaItem
from synthgen.snapshot.export import DatabaseDigest
from synthgen.snapshot.schema import read_schema
from synthgen.types import TYPES

# An import of 5.26 with 192m fails before its first row; one with 256m made a store of 660,000 nodes.
LEAST_HEAP = 256 * 1024**2
BESIDE_HEAP = 256 * 1024**2
PROBE = ".synthgen-probe"


def find_product(driver: neo4j.Driver, address: Address) -> Product:
    """Ask a server for its version, its edition and the format of the database's store."""
    server = ask_server(driver, address)
    with translated(address):
        records = driver.execute_query(
            f"{DIALECT}SHOW DATABASES YIELD name, store WHERE name = $name RETURN store",
            {"name": address.database.lower()}, database_=address.database).records
    return Product(server.version, server.edition, str(records[0]["store"] or "") if records else "")


def check_product(address: Address, planned: Product, found: Product) -> None:
    """Make sure that a server is still the one that the stages were made for.

    Raises:
        RefusedError: It is another one.
    """
    if found != planned:
        raise RefusedError(f"{address.uri} is now Neo4j {found.version} {found.edition}, store {found.store}, not"
                           f" {planned.version} {planned.edition}, store {planned.store}", hint="start again")


def check_types(product: Product, types: Collection[str]) -> None:
    """Make sure that a server can store properties of these types.

    Raises:
        RefusedError: There are vectors among them, and it is not Enterprise Edition with a store of format block.
    """
    vectors = sorted(kind for kind in types if TYPES[kind].is_vector)
    if vectors and not holds_vectors(product):
        raise RefusedError(
            f"there are properties of type {vectors[0]}, which Neo4j {product.version} {product.edition}, store"
            f" {product.store or 'unknown'}, cannot hold",
            hint="only Enterprise Edition since 2025.10 with format block can; use such a server, or make them lists"
                 " before the export", types=vectors)


def check_empty(driver: neo4j.Driver, address: Address, schema: SchemaChoice) -> None:
    """Make sure that a database holds nothing which a restore with this schema would lose.

    Raises:
        RefusedError: It holds nodes, relationships, indexes or constraints.
    """
    nodes, relationships = count_totals(driver, address)
    if nodes or relationships:
        raise RefusedError(f"{address.uri} holds {nodes:,} nodes and {relationships:,} relationships already",
                           hint="restore into an empty database: another --home for `importer server start`",
                           nodes=nodes, relationships=relationships)
    lost = schema.find_losses(read_schema(driver, address))
    if lost:
        raise RefusedError(f"{address.uri} holds no nodes, but a schema that a restore would lose: {'; '.join(lost)}",
                           hint="drop it, or restore into another --home for `importer server start`", schema=lost)


def check_space(target: Target, needed: int) -> None:
    """Make sure that the disk has room for the import's files and the new store beside the old one.

    Raises:
        RefusedError: It has not.
    """
    free = target.files.free_bytes()
    if free < needed:
        raise RefusedError(
            f"an import into {target.name} needs about {needed / 1e6:,.0f} MB of disk, and {free / 1e6:,.0f} MB are"
            " free", hint="free some space, or load with --mode online", needed_bytes=needed, free_bytes=free)


def check_memory(target: Target, heap: str) -> None:
    """Make sure that an import beside the running server gets its heap and the least that it needs beside that.

    Raises:
        UsageError: The heap is none, or so small that an import cannot even begin.
        RefusedError: There is not enough memory; where nobody says how much there is, nothing is refused.
    """
    wanted = size_in_bytes(heap)
    if wanted < LEAST_HEAP:
        raise UsageError(f"an import cannot begin with a heap of {heap}", hint="give it 256m or more with --heap")
    free, needed = target.free_memory(), wanted + BESIDE_HEAP
    if free is not None and free < needed:
        raise RefusedError(
            f"an import into {target.name} with a heap of {heap} needs {needed / 1e6:,.0f} MB of memory beside the"
            f" server, and {free / 1e6:,.0f} MB are free",
            hint="end other programs, choose a smaller --heap, or load with --mode online",
            needed_bytes=needed, free_bytes=free)


def check_folders(target: Target) -> None:
    """Make sure that a new store can be made and put in place, by doing so with an empty folder that goes again.

    Raises:
        RefusedError: It cannot.
    """
    layout = target.layout
    for part, work in zip(layout.parts(""), (layout.work, layout.transactions_work), strict=True):
        there, back = part.in_use.with_name(PROBE), work / PROBE
        try:
            # The first is for what a run that was killed just here has left.
            target.files.do([Remove(there), Make(back), Move(back, there), Remove(there)])
        except ServerError as error:
            target.files.do([Remove(back)])
            raise RefusedError(f"no new store can be put into {there.parent} of {target.name}: {error.message}",
                               hint=error.hint or "see whose folders these are") from error


def check_untouched(target: Target, last: int) -> None:
    """Make sure that a store at rest holds no transaction after this one.

    Raises:
        LoadFailedError: It does.
    """
    found = target.last_committed()
    if found != last:
        raise LoadFailedError(
            f"the database of {target.name} was written to just before it was stopped: its last transaction is"
            f" {found}, not {last}; the change would be lost", hint="stop what writes to it and load again")


def changed(address: Address, digest: str, found: DatabaseDigest) -> RefusedError:
    """Say that the base part is not what the snapshot says."""
    return RefusedError(
        f"the base part of {address.uri}, database {address.database!r}, is not what the snapshot says: its digest is"
        f" {found.digest} with {found.nodes:,} nodes and {found.relationships:,} relationships, not {digest}",
        hint="export again and generate from the new snapshot, or go on with --allow-changed (offline, that replaces"
             " the database by the snapshot: the changes are lost)",
        expected=digest, found=found.digest, nodes=found.nodes, relationships=found.relationships,
    )


def require_schema(address: Address, schema: SchemaChoice, found: Sequence[SchemaItem]) -> None:
    """Make sure that the indexes and constraints of a database are those of the snapshot.

    Raises:
        RefusedError: They are not; `facts["schema"]` says how they differ.
    """
    wrong = schema.find_differences(found)
    if wrong:
        raise RefusedError(
            f"the schema of {address.uri}, database {address.database!r}, is not what the snapshot says:"
            f" {'; '.join(wrong)}",
            hint="export again and generate from the new snapshot, or go on with --allow-changed: the changes are lost",
            schema=wrong)
