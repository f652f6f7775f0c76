"""Starts and ends a Neo4j, then imports a node, while Java notes what classes that takes; knows only `HOME/conf`.

`python -m importer.servers._train HOME LIST`
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from importer.servers._serve import open_service

QUERIES = ("CREATE (n:A {i: 1})-[:T]->(m) RETURN n.i", "MATCH (n)-[r]->() RETURN count(r)", "SHOW INDEXES",
           "MATCH (n) DETACH DELETE n")


def main(home: Path, noted: Path) -> None:
    """Do once what a server's start and an offline load do, and end without waiting for Java's threads."""
    jpype, service = open_service(home, "-Xshare:off", f"-XX:DumpLoadedClassList={noted}")
    database = service.database("neo4j")
    for query in QUERIES:
        database.executeTransactionally(query)
    service.shutdown()
    rows = home / "rows.csv"
    rows.write_text(":ID,:LABEL,i:long\n0,A,1\n", encoding="utf-8")
    ties = home / "ties.csv"
    ties.write_text(":START_ID,:END_ID,:TYPE\n0,0,T\n", encoding="utf-8")
    folder = jpype.JClass("java.nio.file.Path").of(str(home))
    context = jpype.JClass("org.neo4j.cli.ExecutionContext")(folder, folder.resolve("conf"))
    jpype.JClass("org.neo4j.cli.AdminTool").execute(context, [
        "database", "import", "full", "neo4j", f"--nodes={rows}", f"--relationships={ties}", "--id-type=integer",
        f"--report-file={home / 'report'}", "--overwrite-destination"])
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
