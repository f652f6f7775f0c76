"""What a server must be like before its store is exchanged; looks and refuses with the way out, changes nothing."""

from __future__ import annotations

import neo4j

from importer.cypher import DIALECT
from importer.servers.versions import Product
from synthgen.database import Address, ask_server, translated
from synthgen.errors import RefusedError


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
