"""What an offline import cannot carry over, in one table; pure data, asks and changes nothing.

docs/offline.md shows the same table. Rows were tried on 5.26.30 and 2026.09.0 Community, but for what only
Enterprise or Java inside the server can make.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that does not come from the snapshot.

    Attributes:
        what: The thing.
        becomes: What becomes of it.
        way_out: What a user can do about it, or why nothing has to be done.
    """

    what: str
    becomes: str
    way_out: str


_STAYS = "nothing to do: it is in the system database or in neo4j.conf, which are not touched"

LIMITS = (
    Limit("users, passwords, roles, privileges, aliases", "stay as they are", _STAYS),
    Limit("settings of the server and of the database, such as its default language", "stay as they are", _STAYS),
    Limit("other databases of the server", "stay as they are, and are down while the server restarts",
          "load when nobody needs them"),
    Limit("connections, transactions under way, what procedures keep in memory", "end with the restart",
          "load when nobody is at work; a projected graph is projected again"),
    Limit("internal ids and element ids", "are given anew, and one of before may now be another node's",
          "find nodes by a property of their own"),
    Limit("bookmarks that clients keep", "time out: the new store counts its transactions from the start",
          "open new sessions"),
    Limit("the database's id and its date of creation in db.info()", "are new", "do not rely on them"),
    Limit("transaction log: point-in-time recovery, backup chains, change data capture", "begin anew",
          "take a dump or full backup before and afterwards"),
    Limit("statistics: when and how often an index was read, query caches", "begin anew", "nothing to do"),
    Limit("names of properties that nothing uses any more", "are gone from db.propertyKeys()",
          "nothing to do: each comes back with its first use"),
    Limit("property names of ours, which begin with __synthgen_", "may stay in db.propertyKeys(), on no node or"
          " relationship", "nothing to do"),
    Limit("the element type of an empty list that Java inside the server made", "is none, as that of every empty list"
          " that Cypher makes", "nothing to do"),
    Limit("the order of labels on a node, of properties, and of rows without ORDER BY", "may be another",
          "say ORDER BY where it matters"),
    Limit("numbers and characters that Java inside the server stored as short, int, float, char or arrays of them",
          "are stored as long, double and string; Cypher sees the same values", "nothing to do"),
    Limit("the bits of a NaN beyond that it is one", "are those of Java's own NaN",
          "nothing to do: Cypher cannot see them"),
    Limit("which provider and version an index is of", "is the newest of the server, as for every new index",
          "nothing to do"),
    Limit("names that the server made up for lookup indexes", "are made up anew", "give them names"),
    Limit("indexes and constraints that the server cannot create, graph types",
          "are refused before anything is touched", "use a server that can, or --leave-out-schema NAME"),
    Limit("the store's format", "is block where it was; otherwise what the server makes by default",
          "set db.format before, if it matters"),
    Limit("what was changed by hand on synthetic nodes and relationships", "is as it was generated",
          "load with --mode online, which leaves what is there alone"),
)
