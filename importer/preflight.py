"""What a server must be like before its store is exchanged; looks and refuses with the way out, changes nothing."""

from __future__ import annotations

from collections.abc import Collection

import neo4j

from importer.cypher import DIALECT
from importer.servers.versions import Product, holds_vectors
from synthgen.database import Address, ask_server, translated
from synthgen.errors import RefusedError
from synthgen.types import TYPES


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
