"""What --anonymise promises of any base: nobody's name or id is left, and everything else is where it was."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthgen.base import Base
from synthgen.bundle.read import Bundle
from synthgen.bundle.write import write_bundle
from synthgen.errors import LeakError, UsageError
from synthgen.generate import generate, grow, origin_of
from synthgen.graph import Graph
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.inference import choose_profile
from synthgen.metadata import Stamp
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.privacy.anonymise import Anonymised, anonymise
from synthgen.privacy.gate import find_leaks, leaks_of, refuse_leaks
from synthgen.privacy.pools import Pools
from synthgen.privacy.rare import generalised
from synthgen.privacy.request import Privacy
from synthgen.privacy.search import Search
from synthgen.privacy.source_ids import with_source_ids
from synthgen.sample import sample_tenant
from synthgen.seeding import derive_seed, token
from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT, Draft, any_graphs, base_graphs, stored
from tests.growths import MARKS, NOW, OPERATION, OTHER_OPERATION, files_of, grown_base, made_by, make_bundle
from tests.kinds.films import film_database
from tests.kinds.parts import bill_of_materials
from tests.tiny import tiny_graph

Kind = Callable[..., Graph]
KINDS: list[Kind] = [film_database, bill_of_materials, lambda nodes=1_000: sample_tenant(resources=nodes // 2)]
HIDDEN = Privacy(anonymise=True)


@cache
def based(kind: Kind, nodes: int = 1_000) -> Base:
    with stored(kind(nodes), profile="auto") as snapshot:
        return Base(snapshot, choose_profile(snapshot))


@cache
def hidden(kind: Kind) -> Anonymised:
    return anonymise(based(kind), seed=1)


def strings_in(value: Any) -> list[str]:
    """Give every text in a value, also inside lists and JSON, where keys count too."""
    if isinstance(value, list):
        return [text for element in value for text in strings_in(element)]
    if isinstance(value, dict):
        return [*value, *(text for element in value.values() for text in strings_in(element))]
    if not isinstance(value, str):
        return []
    try:
        inner = json.loads(value) if value[:1] in {"{", "["} else None
    except ValueError:
        inner = None
    return [value, *strings_in(inner)]


def stands_in(name: str, text: str) -> bool:
    """Say whether a name stands in a text as the docs have it, written plainly: as whole words, whatever is between."""
    words = [re.sub(r"\W|_", "", part) for part in re.findall(r"[^\W_]+", name.lower())]
    return bool(words) and re.search(r"(?<![^\W_])" + r"[\W_]+".join(map(re.escape, words)) + r"(?![^\W_])",
                                     text.lower()) is not None


def texts_of_base(base: Base) -> list[str]:
    return [text for table in [*base.nodes, *base.relationships] for name in table.types
            for value in table.frame[name].to_list() for text in strings_in(value)]


def texts_made(bundle: Bundle) -> list[str]:
    made = made_by(bundle)
    rows = [node.properties for node in made.nodes] + [properties for *_, properties in made.relationships]
    return [text for row in rows for name, value in row.items() if name not in MARKS for text in strings_in(value)]


# ——— nobody is left ———


@settings(max_examples=25)
@given(st.one_of(base_graphs(most=8), any_graphs()), st.booleans(), st.integers(1, 3))
def test_no_id_or_name_of_any_base_is_left(graph: Graph, template: bool, fewest_owners: int) -> None:
    """Whatever the base: no protected id or name stands in any text that is made from its anonymous double."""
    with stored(graph) as snapshot:
        profile = choose_profile(snapshot)
    with grown_base(graph, profile) as (base, _, out):
        anonymous = anonymise(base, seed=3, fewest_owners=fewest_owners)
        assume(base.resources_of().any())
        parameters = TemplateParameters(target_count=9) if template else RandomParameters(count=9)
        texts = texts_made(make_bundle(anonymous.base, parameters, out)) + texts_of_base(anonymous.base)
    for name in anonymous.census.protected:
        assert not [text for text in texts if stands_in(name, text)], name


_MADE_UP = Pools(derive_seed(3, "anonymise"), ())
NAMES = [*_MADE_UP.words[:12], *_MADE_UP.family[:4], *_MADE_UP.given[:4], "web-01", "P-10432", "Ada Lovelace",
         "x_y_zed", "web 01 old", "the red fox", "red fox",
         "6f1e0c52-0000-4000-8000-00000000beef", "10.20.30.40", "ada@fabrikam.example"]
"""Names of all forms, among them the very words that would stand for others if the base had none of them."""
QUOTES = ("{}", "prod-{}-x", "see {} now", "x.{}/y", '{{"{}": 1}}', '{{"a": ["{}", {{"owner": "{}"}}]}}', "_{}_")


@st.composite
def quoting_graphs(draw: st.DrawFn) -> Graph:
    """Graphs whose texts quote names in many ways, each text owned by few or by many."""
    draft = Draft()
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=8, unique=True))
    quotes = draw(st.lists(st.builds(str.format, st.sampled_from(QUOTES), *[st.sampled_from(names)] * 2), min_size=1,
                           max_size=4))
    for number, name in enumerate(names):
        note, config = (draw(st.sampled_from(quotes)) for _ in range(2))
        draft.add([draw(st.sampled_from(("Thing", "Person")))], {
            "code": f"k{number}", "name": name, "note": note, "config": config, "zones": [note, "a"]})
    draft.tie(0, "USES", 1, {"note": draw(st.sampled_from(quotes)), "cost": 1.0})
    return draft.graph()


@settings(max_examples=60)
@given(quoting_graphs(), st.sampled_from((2, 4, 9)))
def test_no_name_is_left_however_it_is_quoted(graph: Graph, fewest_owners: int) -> None:
    """In a key, a list, a sentence, inside a longer word; also names that are words of the pools themselves."""
    with stored(graph) as snapshot:
        base = Base(snapshot, choose_profile(snapshot))
    anonymous = anonymise(base, seed=3, fewest_owners=fewest_owners)
    texts = texts_of_base(anonymous.base)
    for name in anonymous.census.protected:
        assert not [text for text in texts if stands_in(name, text)], name


@pytest.mark.parametrize("kind", KINDS)
def test_no_id_or_name_of_a_kind_is_left(kind: Kind) -> None:
    """The gate, and a plain search for a hundred of the names, find nothing; without --anonymise it finds much."""
    anonymous = hidden(kind)
    protected = anonymous.census.protected
    assert len(protected) > anonymous.base.size / 5
    with grown_base(kind(1_000), anonymous.base.profile) as (base, _, out):
        double = base.with_frames(*([table.frame for table in tables]
                                    for tables in (anonymous.base.nodes, anonymous.base.relationships)))
        clean = make_bundle(double, TemplateParameters(scale_factor=2.0), out)
        assert find_leaks(base, clean, fewest_owners=5) == []
        texts = "\n".join(texts_made(clean))
        assert not [name for name in protected[::len(protected) // 100] if stands_in(name, texts)]
        open_ = make_bundle(base, TemplateParameters(scale_factor=2.0), out, operation_id=OTHER_OPERATION)
        assert sum(leak.values for leak in find_leaks(base, open_, fewest_owners=5)) > base.resources.sum() / 3


@settings(max_examples=10)
@given(st.sampled_from(KINDS), st.data())
def test_the_gate_finds_what_is_planted(kind: Kind, data: st.DataObject) -> None:
    """One name in one text is found wherever it stands: alone, in a path, a list, JSON, other spelling, on a tie."""
    base = based(kind)
    name = data.draw(st.sampled_from(hidden(kind).census.protected))
    text = data.draw(st.sampled_from((
        name, name.upper(), f"/a/{name}-k3x/b", json.dumps({"a": [{"b": name}]}), json.dumps({name: 1}),
        json.dumps({"a": f"x\n{name}\ty"}), json.dumps({"a": f"é {name}"}), name.replace("-", "_"))))
    where = data.draw(st.sampled_from(("node", "list", "relationship")))
    value: Any = ["fine", text] if where == "list" else text
    kind_ = "LIST<STRING>" if where == "list" else "STRING"
    clean, planted = (pl.DataFrame({"note": pl.Series([content], dtype=pl.List(pl.String) if where == "list"
                                                      else pl.String)})
                      for content in (["harmless"] if where == "list" else "harmless", value))
    for frame, expected in ((clean, 0), (planted, 1)):
        on_node = frame if where != "relationship" else pl.DataFrame({"note": ["harmless"]})
        tie = (frame if where == "relationship" else clean.select(note=pl.lit("harmless"))).select(
            pl.lit(0, pl.Int64).alias(":start"), pl.lit(0, pl.Int64).alias(":end"), "note")
        growth = Growth(
            [NodeBlock(("Made",), {"note": kind_ if where != "relationship" else "STRING"}, 1, {},
                       lambda *_, rows=on_node: rows)],
            [RelationshipBlock("T", ("Made",), ("Made",), "operation", "operation", {"note": "STRING"}, 1,
                               lambda *_, rows=tie: rows)], {})
        with stored(tiny_graph()) as snapshot:
            origin = origin_of(Base(snapshot, base.profile), Stamp(OPERATION, "template", NOW), 3)
            out = snapshot.path.parent
            leaks = find_leaks(base, write_bundle(growth, origin, out), fewest_owners=5)
            assert [(leak.where, leak.property, leak.values) for leak in leaks] == expected * [
                ("T" if where == "relationship" else "Made", "note", 1)]
            assert all(name not in leak.example for leak in leaks)


def test_a_part_of_a_word_is_no_leak() -> None:
    """`data` does not stand in `metadata`, nor `web-1` in `web-10`; numbers in a GUID are no names."""
    search = Search(["data", "web-1", "beef", "Ada Lovelace"])
    texts = ["metadata", "web-10", "my-web-1-x", "6f1e0c52-beef-4000-8000-00000000beef", "ada.lovelace",
             "Ada B Lovelace", "ADA_LOVELACE", "", "web 1 of data"]
    assert search.find(pl.Series(texts)) == [(2, "web-1"), (4, "Ada Lovelace"), (6, "Ada Lovelace"), (8, "data"),
                                             (8, "web-1")]
    guid = "/roles/24befccf-fefe-4d6b-a593-9b852af68174"
    assert Search([guid]).find(pl.Series([guid.replace("-", "_").upper(), guid.replace("-", "")])) == [
        (0, guid), (1, guid)]
    assert Search([]).find(pl.Series(texts)) == []
    assert Search(["x"]).find(pl.Series([], dtype=pl.String)) == []


# ——— everything is where it was ———


@settings(max_examples=25)
@given(st.one_of(base_graphs(most=8), any_graphs()))
def test_the_shape_of_any_base_stays(graph: Graph) -> None:
    """Labels, types, ends and what is missing are the same; equal values stay equal and different ids different."""
    with stored(graph) as snapshot:
        base = Base(snapshot, choose_profile(snapshot))
    anonymous = anonymise(base, seed=1, fewest_owners=2).base
    assert anonymous.resource_types.equals(base.resource_types)
    assert (anonymous.resources == base.resources).all()
    for old, new in zip([*base.nodes, *base.relationships], [*anonymous.nodes, *anonymous.relationships], strict=True):
        assert (old.types, old.frame.schema, old.frame.height) == (new.types, new.frame.schema, new.frame.height)
        for name in old.frame.columns:
            before, after = old.frame[name], new.frame[name]
            assert before.is_null().equals(after.is_null())
            if name.startswith(":"):
                assert before.equals(after)
            if before.dtype == pl.List:
                assert before.list.len().equals(after.list.len())
    if base.profile.id is not None:
        pairs = set(zip(ids_of(base), ids_of(anonymous), strict=True))
        assert len(pairs) == len({before for before, _ in pairs}) == len({after for _, after in pairs})


def ids_of(base: Base) -> list[Any]:
    return [value for table in base.nodes if base.profile.id in table.types
            for value in table.frame[base.profile.id].to_list()]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_quotes_a_name_goes_on_quoting_it(kind: Kind) -> None:
    """Whatever text of a base quotes the id of a node whole quotes the new id of that node, also in lists and JSON."""
    base, anonymous = based(kind), hidden(kind).base
    new = dict(zip(map(str, ids_of(base)), map(str, ids_of(anonymous)), strict=True))
    quoted = 0
    for old_table, new_table in zip(base.nodes, anonymous.nodes, strict=True):
        for name, type_ in old_table.types.items():
            if type_ in {"STRING", "LIST<STRING>"} and name != base.profile.type:
                pairs = zip(old_table.frame[name].to_list(), new_table.frame[name].to_list(), strict=True)
                for before, after in (pair for row in pairs for pair in zip(*map(strings_in, row), strict=True)):
                    if before in new:
                        quoted += 1
                        assert after == new[before]
    assert quoted > base.size / 2


def test_references_between_parts_lead_somewhere(tmp_path: Path) -> None:
    """Parts that replace others, alternatives, and what a specification fits are parts and assemblies of the graph."""
    tables = {table.labels: table.frame for table in hidden(bill_of_materials).base.nodes}
    parts, assemblies = tables["Part",], tables["Assembly",]
    numbers, above = set(parts["number"]), set(assemblies["number"])
    assert all(re.fullmatch(r"P-\d+", number) for number in numbers)
    assert set(parts["replaces"].drop_nulls()) | set(parts["alternatives"].explode().drop_nulls()) <= numbers
    specifications = [json.loads(text) for text in parts["specification"].drop_nulls()]
    assert {document["mates"]["with"] for document in specifications} <= numbers
    assert {number for document in specifications for number in document["fits"]} <= above
    assert not numbers & set(based(bill_of_materials).nodes[4].frame["number"])


def test_azure_keeps_its_form() -> None:
    """Ids go on beginning with their containers' ids, types, locations, skus and states stay, hosts follow names."""
    base, anonymous = based(KINDS[2]), hidden(KINDS[2]).base
    old, new = ({table.labels: table.frame for table in each.nodes}["Resource",] for each in (base, anonymous))
    for name in ("type", "location"):
        assert old[name].equals(new[name])
    groups = {table.labels: table.frame for table in anonymous.nodes}["ResourceGroup",]
    assert new["id"].str.extract("^(/subscriptions/[^/]+/resourceGroups/[^/]+)/providers/Microsoft").is_in(
        groups["id"].implode()).all()
    assert (new["id"].str.split("/").list.last() == new["name"]).all()
    stayed = (old["sku"] == new["sku"]).mean()
    assert stayed is not None
    assert stayed > 0.8
    hosts = new.filter(new["properties"].str.contains('"blob":"https://'))
    assert hosts.select(pl.col("properties").str.contains("https://" + pl.col("name") + "[.]blob")).to_series().all()


# ——— what few own ———


@settings(max_examples=60)
@given(st.data(), st.integers(1, 6))
def test_what_few_own_becomes_what_enough_own(data: st.DataObject, fewest: int) -> None:
    """After generalising each value is owned by enough, unless nothing is owned by enough: then there is one left."""
    kind, values = data.draw(st.sampled_from((
        ("INTEGER", st.integers(-(2**63), 2**63 - 1) | st.integers(0, 99)),
        ("FLOAT", st.floats(allow_nan=False) | st.floats(0, 9)),
        ("STRING", st.sampled_from("abcdef")), ("DATE", st.dates().map(str)),
        ("ZONED DATETIME", st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z")),
        ("DURATION", st.integers(1, 9).map("P{}D".format)),
        ("POINT", st.integers(0, 300).map(lambda number: f"{{srid:4326,x:{number / 10},y:1.25}}")))))
    owners = Counter(data.draw(st.dictionaries(values, st.integers(1, 6),
                                               max_size=12)))
    becomes = generalised(owners, kind, fewest)
    after: Counter[Any] = Counter()
    for value, count in owners.items():
        assert value in becomes or count >= fewest
        after[becomes.get(value, value)] += count
    assert all(count >= fewest for count in after.values()) or len(
        [value for value, count in after.items() if count < fewest]) == 1


def test_rare_values_of_a_kind_are_gone() -> None:
    """No rating, release date or keyword of a film that few films have can be told any more."""
    base, anonymous = based(film_database), hidden(film_database).base
    films = [table for table in anonymous.nodes if "Film" in table.labels]
    for name in ("rating", "minutes", "released", "addedAt", "votes"):
        left = Counter(value for table in films for value in table.frame[name].drop_nulls())
        assert min(left.values()) >= 5
    before = Counter(value for table in base.nodes if "Film" in table.labels
                     for value in table.frame["rating"].drop_nulls())
    common = {value for value, count in before.items() if count >= 5}
    assert common <= {value for table in films for value in table.frame["rating"]}


# ——— the same again ———


def make(graph: Graph, folder: Path, *, seed: int = 1, privacy: Privacy = HIDDEN,
         parameters: Parameters | None = None) -> Bundle:
    path = folder / "base"
    if not path.exists():
        write_snapshot(graph, path, created_at=CREATED_AT, source={}, profile="auto")
    return generate(parameters or TemplateParameters(scale_factor=2.0), base=path, out=folder / f"out-{seed}",
                    seed=seed, unique=5, now=datetime(2026, 1, 31, 12, tzinfo=UTC), operation_id=OPERATION,
                    privacy=privacy)


def test_a_seed_repeats_and_another_gives_other_words(tmp_path: Path) -> None:
    """Same seed, same bytes; another seed, other names; the manifest says what was hidden and how, and not what."""
    graph = bill_of_materials(300)
    one, other = make(graph, tmp_path), make(graph, tmp_path, seed=2)
    (tmp_path / "again").mkdir()
    same = make(graph, tmp_path / "again")
    assert files_of(one.path) == files_of(same.path)
    names = [{node.properties["name"] for node in made_by(bundle).nodes if "Assembly" in node.labels}
             for bundle in (one, other)]
    assert not {name.split()[0] for name in names[0]} & {name.split()[0] for name in names[1]}
    assert one.manifest.parameters["anonymise"] == {"fewest_owners": 5}
    assert one.manifest.parameters["source_ids"] == "hashed"
    written = (one.path / "manifest.json").read_text("utf-8")
    assert not [text for text in hidden(bill_of_materials).census.protected if f'"{text}"' in written]


def test_source_ids_tell_copies_of_one_original_and_nothing_else() -> None:
    """A hash is the same for all copies, another for another operation or seed; `none` leaves it out."""
    with grown_base(bill_of_materials(300), based(bill_of_materials).profile) as (base, _, _):
        growth = grow(base, TemplateParameters(scale_factor=3.0), operation_id=OPERATION, seed=1)
        raw = sources(growth)
        one = sources(with_source_ids(growth, "hashed", seed=1, operation_id=OPERATION))
        assert len(set(zip(raw, one, strict=True))) == len(set(raw)) == len(set(one))
        for seed, operation in ((2, OPERATION), (1, OTHER_OPERATION)):
            assert not set(one) & set(sources(with_source_ids(growth, "hashed", seed=seed, operation_id=operation)))
        assert all(re.fullmatch("[0-9a-f]{32}", text) for text in one)
        assert sources(with_source_ids(growth, "raw", seed=1, operation_id=OPERATION)) == raw
        without = with_source_ids(growth, "none", seed=1, operation_id=OPERATION)
        assert all("template_source_id" not in block.make(0, 1).columns for block in without.nodes)
        assert all("template_source_id" not in block.types for block in without.nodes)


def sources(growth: Growth) -> list[str]:
    return [text for block in growth.nodes for text in block.make(0, block.rows)["template_source_id"]]


# ——— refusals ———


@pytest.mark.parametrize(("wrong", "said"), [
    ({"anonymise": True, "source_ids": "raw"}, "give away"), ({"fewest_owners": 3}, "is for --anonymise"),
    ({"anonymise": True, "fewest_owners": 0}, "means nothing"), ({"source_ids": "md5"}, "means nothing")])
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any], said: str) -> None:
    """Raw source ids beside hidden names, and numbers that mean nothing."""
    with pytest.raises(UsageError, match=said):
        Privacy(**wrong)


def test_a_leak_fails_and_leaves_nothing(tmp_path: Path) -> None:
    """A base whose one name is by bad luck what all made ids hold: an error that says where, and no bundle."""
    draft = Draft()
    for number in range(9):
        draft.add(["Part"], {"id": f"p{number}", "name": token(1, OPERATION) if number == 1 else f"part {number}"})
    with pytest.raises(LeakError, match="in id of Part, such as") as caught:
        make(draft.graph(), tmp_path)
    assert caught.value.exit_code == 1
    assert caught.value.facts["leaks"][0]["values"] == 9
    assert not [path for path in (tmp_path / "out-1").rglob("*") if path.is_file()]
    assert make(draft.graph(), tmp_path, seed=2).path.is_dir()


def test_a_scenario_may_use_its_own_words(tmp_path: Path) -> None:
    """That the base has a `vnet-hub`, too, is no leak: the scenario brings that name itself."""
    draft = Draft()
    subscription = draft.add(["Subscription"], {"id": "/subscriptions/s1", "name": "Fabrikam"})
    for name in ("vnet-hub", "fabrikam-net"):
        resource = draft.add(["Resource"], {"id": f"/subscriptions/s1/x/{name}", "name": name, "type": "T/vnets"})
        draft.tie(subscription, "CONTAINS", resource)
    bundle = make(draft.graph(), tmp_path, parameters=ScenarioParameters(scenario="hub-spoke"))
    texts = "\n".join(texts_made(bundle))
    assert stands_in("hub", texts)
    assert not stands_in("fabrikam", texts)


def test_a_tenant_is_found_by_its_own_id(tmp_path: Path) -> None:
    """Who asks for a tenant names it as the base does; the bundle does not say its id."""
    graph = sample_tenant(resources=120)
    (tenant,) = graph.nodes[0].frame["id"]
    bundle = make(graph, tmp_path, parameters=TemplateParameters(scale_factor=2.0, tenant=tenant))
    assert bundle.manifest.counts.resources == 120
    assert tenant not in (bundle.path / "manifest.json").read_text("utf-8")
    with pytest.raises(UsageError, match="no tenant 'nobody'"):
        make(graph, tmp_path / "other", parameters=TemplateParameters(scale_factor=2.0, tenant="nobody"))


def test_refusal_needs_a_leak(tmp_path: Path) -> None:
    """What is not there is not refused, and what is refused is counted row by row."""
    bundle = make(bill_of_materials(200), tmp_path, privacy=Privacy())
    refuse_leaks(["nobody at all"], bundle)
    (leak,) = [leak for leak in leaks_of(["P-10000"], bundle) if leak.property == "template_source_id"]
    assert (leak.where, leak.values, leak.example) == ("Part", 1, "P-… (7 letters)")
