"""A graph that holds every kind of value, name and shape once, each as a case with a name, and whether it comes back.

Every node and relationship that can have properties bears its case's name in `case`, so that what differs afterwards
can be told by name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from synthgen.database import quote
from tests.conftest import empty
from tests.values import ODD_TEXTS, ZONED
from tests.workshop import Workshop

LITERALS: Mapping[str, Mapping[str, str]] = {
    "BOOLEAN": {"true": "true", "false": "false"},
    "INTEGER": {"zero": "0", "least": "-9223372036854775808", "most": "9223372036854775807"},
    "FLOAT": {"zero": "0.0", "minus zero": "-0.0", "most": "1.7976931348623157E308", "least": "4.9E-324",
              "infinite": "1.0/0", "minus infinite": "-1.0/0", "not a number": "0.0/0", "a tenth": "0.1",
              "an integer": "1e22", "one bit more": "1.0000000000000002"},
    "DATE": {"leap day": "date('2024-02-29')", "before Christ": "date('-0044-03-15')", "year 0": "date('0000-01-01')",
             "five digits": "date('+12345-01-01')", "first": "date('-999999999-01-01')",
             "last": "date('+999999999-12-31')"},
    "LOCAL TIME": {"nanoseconds": "localtime('12:34:56.123456789')", "midnight": "localtime('00:00')",
                   "last": "localtime('23:59:59.999999999')", "half a second": "localtime('00:00:00.5')"},
    "ZONED TIME": {"offset": "time('12:34:56.123456789+02:00')", "UTC": "time('00:00Z')",
                   "least offset": "time('23:59:59-18:00')", "minutes": "time('01:02+05:45')",
                   "seconds": "time({hour: 1, timezone: '+00:53:28'})",
                   "one second": "time({hour: 23, minute: 0, second: 0, nanosecond: 7, timezone: '-00:00:01'})"},
    "LOCAL DATETIME": {"nanoseconds": "localdatetime('2024-02-29T12:34:56.123456789')",
                       "before Christ": "localdatetime('-0001-01-01T00:00')",
                       "first": "localdatetime('-999999999-01-01T00:00')",
                       "last": "localdatetime('+999999999-12-31T23:59:59.999999999')"},
    "ZONED DATETIME": {"UTC": "datetime('2024-02-29T12:34:56.5Z')",
                       "offset": "datetime('2024-02-29T12:34:56.000000001+05:30')",
                       "last": "datetime('+999999999-12-31T23:59:59.999999999+18:00')",
                       "first": "datetime('-999999999-01-01T00:00-18:00')",
                       "offset of seconds": "datetime({year: -5000, month: 7, timezone: '+00:53:28'})",
                       "local mean time": "datetime({year: 1800, timezone: 'Europe/Berlin'})"},
    "DURATION": {"everything": "duration('P1Y2M3DT4H5M6.789S')", "nothing": "duration('PT0S')",
                 "negative": "duration('P-1DT-0.000000001S')", "carried over": "duration('P14M40D')",
                 "mixed signs": "duration({months: 1, days: -1, seconds: -1, nanoseconds: 5})",
                 "most": "duration({seconds: 9223372036854775807})", "years": "duration({years: -290000000000})"},
    "POINT": {"WGS-84": "point({longitude: 12.5, latitude: 55.75})", "Cartesian": "point({x: 1e-300, y: -0.0})",
              "WGS-84 3D": "point({longitude: 1, latitude: 2, height: 3.25})",
              "Cartesian 3D": "point({x: 1, y: 2, z: 1e10})", "at the edge": "point({longitude: -180, latitude: 90})",
              "most": "point({x: 1.7976931348623157e308, y: -4.9e-324})"},
}
TEXTS = {**{f"odd text {number}": text for number, text in enumerate(ODD_TEXTS)},
         **{f"control character {number}": f"a{chr(number)}b" for number in (*range(32), 127, 128, 159)}}
TEXT_LISTS = {"no text": [], "an empty text": [""], "two empty texts": ["", ""], "the array delimiter": ["a\x1fb", "c"],
              "nothing but the array delimiter": ["\x1f"], "empty first": ["", "a"], "empty last": ["a", ""],
              "odd texts": list(ODD_TEXTS)}
BYTES = {"no byte": b"", "all bytes": bytes(range(256)), "zero": b"\0"}
NAMES = (
    "a b", "a`b", "``", "a'b", 'a"b', '"', "имя 名前 😀", "a\\b", "\\u0060", "a;b", "a|b", "#a", "$a", "a}b",
    "a[]", "a\tb", "a.b", "a/b", "-a", "--a", "@a", "a%20b", "null", "NaN", "true", "ID", "LABEL", "START_ID",
    "a\u2028b", "a" * 300, "a:b", ":a", "a:", "a::b", "a:string", "a,b", "a=b", " a", "a ", "\u00a0a",
    "a\u00a0", "\n", "a\nb", "a\rb", "a\x1fb", "\x1f", "a:\x1fb", " \x1f", "a{b", "a{b}", "{a}", "a(b)", "(",
    "a{b}:c", "*", "^.*$", "0", "__synthgen_empty", "__synthgen_rest", "a\x01b", "\x7f", "\x85", "\ufeffa",
    "e\u0301", ":ID", ":LABEL", ":TYPE", ":IGNORE", "a:ID(base)",
)


def plant(workshop: Workshop) -> None:
    """Make the graph in an empty database."""
    for kind, cases in LITERALS.items():
        rows = {f"{kind}, {case}": literal for case, literal in cases.items()}
        # Neo4j takes no list of points of several systems.
        every = {} if kind == "POINT" else {f"{kind}, list of all": f"[{', '.join(cases.values())}]"}
        rows |= every | {f"{kind}, list of {case}": f"[{literal}, {literal}]" for case, literal in cases.items()}
        _plant(workshop, kind, "[" + ", ".join(
            f"['{case}', {literal}]" for case, literal in {**rows, f"{kind}, empty list": "[]"}.items()) + "]")
    _plant(workshop, "STRING", "$rows", TEXTS)
    _plant(workshop, "LIST<STRING>", "$rows", TEXT_LISTS)
    _plant(workshop, "BYTES", "$rows", BYTES, label="Bytes")
    # What Cypher cannot read back at once is put together from an offset and a zone.
    for text in ZONED:
        local, zone = text.rstrip("]").split("[")
        offset = "Z" if local.endswith("Z") else local[max(local.rfind("+", 5), local.rfind("-", 11)):]
        moment = "datetime({datetime: localdatetime($local), timezone: $offset})"
        workshop.query(f"WITH datetime({{datetime: {moment}, timezone: $zone}}) AS value"
                       " CREATE (n:Case {case: $case, value: value})-[:CASE {case: $case, value: [value]}]->(n)",
                       case=f"ZONED DATETIME, {text}", zone=zone, offset=offset, local=local.removesuffix(offset))
    _plant_names(workshop)
    workshop.query("""
        CREATE (a:A {case: 'tied'}), (b:B {case: 'tied, too'}), (), (), ({case: 'no label'}), (:Empty), (:Empty)
        CREATE (a)-[:T {case: 'self'}]->(a), (a)-[:T]->(a), (a)-[:T]->(b), (a)-[:T]->(b), (b)-[:T]->(a),
               (a)-[:T {case: 'parallel'}]->(b), (a)-[:T {case: 'parallel'}]->(b), (a)-[:U]->(b),
               (a)-[:T {case: 'parallel, other', n: 1}]->(b), ()-[:T]->(), (:Empty)<-[:T {case: 'to nothing'}]-(:A:B)
    """)
    workshop.query("CREATE (n:Case {case: 'many labels'}) SET n:" + ":".join(f"L{number}" for number in range(70)))


def _plant_names(workshop: Workshop) -> None:
    """Each name as a label, alone or with one or two others, and as a type; all on one node, and as property names."""
    quoted = [quote(name) for name in NAMES]
    values = ", ".join(f"{name}: {number}" for number, name in enumerate(quoted))
    workshop.query(f"CREATE (:Named {{case: 'names of properties', {values}}})-[:NAMED {{case: 'names of properties',"
                   f" {values}}}]->(:{':'.join(quoted)} {{case: 'names of labels'}})")
    lists = ", ".join(f"{name}: {('[]', ['x', ''])[number % 2]}" for number, name in enumerate(quoted))
    workshop.query(f"CREATE (n:Named {{case: 'names of lists', {lists}}})-[:NAMED {{case: 'names of lists', {lists}}}]"
                   "->(n)")
    # An import waits for each group of files: as few label sets as there may be.
    for number, some in enumerate(_few(quoted)):
        ties = "".join(f" CREATE (n)-[:{name} {{case: $case}}]->(n)" for name in some)
        workshop.query(f"CREATE (n:{':'.join(some)} {{case: $case, few: $number}}){ties}", number=number,
                       case="names " + ", ".join(f"{name:.40}" for name in some))


def _few(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut names into ones, pairs and threes, by turns."""
    first, sizes = 0, cycle((1, 2, 3))
    while first < len(names):
        last = first + next(sizes)
        yield names[first:last]
        first = last


def thin_out(workshop: Workshop) -> None:
    """Leave a third of the names as labels and types: what is odd about the others is odd about these."""
    workshop.query("MATCH (n) WHERE n.few % 3 > 0 DETACH DELETE n")


def _plant(
    workshop: Workshop, kind: str, rows: str, parameters: Mapping[str, Any] | None = None, label: str = "Case"
) -> None:
    # One key has values of all types, another one of this type; on nodes and on relationships.
    properties = f"{{case: row[0], value: row[1], `{kind}`: row[1]}}"
    pairs = [[f"{kind}, {case}", value] for case, value in (parameters or {}).items()]
    workshop.query(f"UNWIND {rows} AS row CREATE (n:{label} {properties})-[:{label.upper()} {properties}]->(n)",
                   rows=pairs)


def content(workshop: Workshop) -> dict[str, Counter[str]]:
    """Give what there is of each case, as text that two equal ones share; temporal values as the server spells them."""
    def said(name: str) -> str:
        spelled = "CASE WHEN {v} IS :: ZONED TIME | ZONED DATETIME THEN toString({v}) ELSE {v} END"
        lists = "CASE WHEN {v} IS :: LIST<ZONED TIME> | LIST<ZONED DATETIME> THEN [x IN {v} | toString(x)] ELSE {v} END"
        each = f"{name}[k]"
        return (f"[k IN keys({name}) | [k, valueType({each}), CASE WHEN valueType({each}) STARTS WITH 'LIST'"
                f" THEN {lists.replace('{v}', each)} ELSE {spelled.replace('{v}', each)} END]]")

    found: dict[str, Counter[str]] = defaultdict(Counter)
    for case, labels, properties in workshop.query(f"MATCH (n) RETURN n.case, labels(n), {said('n')}"):
        found[case or f"nodes {sorted(labels)}"][repr((sorted(labels), _sorted(properties)))] += 1
    for case, type_, properties, *ends in workshop.query(
            f"MATCH (a)-[r]->(b) RETURN r.case, type(r), {said('r')}, a.case, labels(a), b.case, labels(b)"):
        tied = [sorted(end) if isinstance(end, list) else end for end in ends]
        found[case or f"relationships {type_}"][repr((type_, _sorted(properties), tied))] += 1
    return dict(found)


def _sorted(properties: list[list[Any]]) -> list[str]:
    return sorted(f"{name!r} {kind.replace(' NOT NULL', '')} {_plain(value)}" for name, kind, value in properties)


def _plain(value: Any) -> str:
    """Write a value as text that tells it from every other."""
    if isinstance(value, list):
        return repr([_plain(one) for one in value])
    # Years that the driver cannot hold come as what was sent.
    sent = getattr(value, "raw_data", None)
    text = repr(value) if sent is None else repr((sent.tag, sent.fields))
    return text if len(text) < 10_000 else f"{len(text)} characters, {hash(text)}"


def differing(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]]) -> list[str]:
    """Name the cases that are not what they were, each with what it was and what it is."""
    return [f"{case}: {dict(before.get(case, Counter()))!s:.600} became {dict(after.get(case, Counter()))!s:.600}"
            for case in sorted(before.keys() | after.keys()) if before.get(case) != after.get(case)]


def there_and_back(workshop: Workshop) -> None:
    """Export, empty the database and restore; whatever is not as it was is told by the case that it belongs to."""
    before, schema = content(workshop), workshop.schema()
    digest = workshop.do("synthgen export --replace")["digest"]
    empty(workshop.driver, workshop.address.database, rows=100)
    workshop.do("importer restore", str(workshop.out / "base"))
    assert differing(before, content(workshop)) == []
    assert workshop.schema() == schema
    assert workshop.digest() == digest
