"""What the format of scenario files promises: what can be written, and how what is wrong is said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.generate import find_profile
from synthgen.parameters import ScenarioParameters
from synthgen.profile import Profile
from synthgen.scenarios.parsing import parse_topology as parse_source_topology
from synthgen.scenarios.shipped import find_scenario, shipped_scenario
from synthgen.scenarios.topology import Topology
from synthgen.sources import parse_source
from synthgen.strategies.scenario import grow_topology
from tests.graphs import Draft, stored
from tests.growths import Made, grown_base, made_by, make_bundle
from tests.kinds.drawing import unique
from tests.tiny import tiny_graph

SCENARIO = """
about = "two"
total = "n * 2"
container = "ResourceGroup"
region = "Region"
subscription = "Subscription"
[parameters.n]
about = "sites"
maximum = 9
[[sites]]
name = "site"
count = "n"
container_name = "rg-$token-$site"
[[sites.groups]]
name = "one"
type = "A/a"
pattern = "a"
[[sites.groups]]
name = "two"
type = "A/a/b"
parent = "one"
pattern = "b"
[[relationships]]
type = "TO"
from = "site.one"
to = "site.two"
how = "one-to-one"
"""
FILMS = """
about: a festival with films, their makers and their jury
total: films * 4 + 3
parameters:
  films: {about: films shown, default: 3, maximum: 1000}
sites:
  - name: festival
    number_as: festival_number
    groups:
      - name: film
        labels: [Film]
        count: films
        pattern: The film $index
        id: film/$token/$row
        values: {year: 2026, rating: 7.5, shown: true, languages: [de, en-$index], credits: {music: "m$index"}}
      - {name: maker, labels: [Person, Maker], count: films * 3, pattern: Maker $row}
      - {name: juror, labels: [Person], count: 3, values: {badge: J-$index}}
shared:
  - {name: genre, label: Genre}
  - {name: drama, label: Genre, having: {name: drama}, pick: all}
relationships:
  - {type: MADE, from: festival.maker, to: festival.film, how: many-to-one}
  - {type: RATED, from: festival.juror, to: festival.film, how: many-to-many, each: films}
  - {type: KNOWS, from: festival.juror, to: festival.juror, how: ring, within: true}
  - {type: IN_GENRE, from: festival.film, to: shared.genre, how: many-to-one}
  - {type: HONOURS, from: shared.drama, to: festival.juror, how: fan-out}
"""
OPERATION = "scale-20260101T000000-00000001"


def parse_topology(text: str, name: str = "mine", suffix: str = ".toml") -> Topology:
    return parse_source_topology(parse_source(text, said=name + suffix, suffix=suffix), name)


def make(base: Base, text: str, folder: Path, parameters: dict | None = None, suffix: str = ".toml") -> Made:
    """Generate from a file, through the whole pipeline."""
    file = folder / f"mine{suffix}"
    file.write_text(text)
    bundle = make_bundle(base, ScenarioParameters(scenario=str(file), parameters=parameters or {}), folder / "out")
    assert bundle.manifest.parameters["scenario"] == "mine"
    assert bundle.manifest.parameters["scenario_digest"] == find_scenario(str(file)).digest
    return made_by(bundle)


def ties(made: Made, type_: str, name: str = "name") -> list[tuple]:
    """Give the ends of some relationships: names of synthetic nodes, numbers of base ones."""
    return [tuple(made.nodes[number].properties[name] if space == "operation" else number for space, number in ends)
            for *ends, in ((start, end) for start, type_found, end, _ in made.relationships if type_found == type_)]


def films() -> Draft:
    """Two genres and two films with numbers as keys: nothing of Azure's."""
    draft = Draft()
    genres = [draft.add(["Genre"], {"name": name}) for name in ("drama", "comedy")]
    for number in range(2):
        film = draft.add(["Film"], {"filmId": number, "name": f"Film {number}", "note": "seen"}, {"filmId": "INTEGER"})
        draft.tie(film, "IN_GENRE", genres[number])
    draft.schema.append(unique("Film", "filmId"))
    return draft


FILM_PROFILE = Profile(name="films", resource_labels=("Film",), id="id", name_property="name")


def test_a_graph_that_is_no_azure(tmp_path: Path) -> None:
    """Groups with labels, no container, no region: in the graph's own words, keys made unique, shared nodes tied to."""
    with grown_base(films().graph(), FILM_PROFILE) as (base, _, _):
        made = make(base, FILMS, tmp_path, {"films": 4}, ".yaml")
    by_label = Counter(node.labels for node in made.nodes)
    assert by_label == {("Film",): 4, ("Maker", "Person"): 12, ("Person",): 3}
    first = made.nodes[0].properties
    assert {name: first[name] for name in ("name", "year", "rating", "shown", "languages", "credits", "note")} == {
        "name": "The film 000", "year": 2026, "rating": 7.5, "shown": True, "languages": ["de", "en-000"],
        "credits": '{"music":"m000"}', "note": "seen"}
    assert not {"region", "location", "subscription_id", "resource_group"} & set(first)
    assert first["festival_number"] == 0
    assert first["id"].startswith("film/")
    keys = [node.properties["filmId"] for node in made.nodes[:4]]
    assert len({*keys, 0, 1}) == 6
    assert len({node.properties["id"] for node in made.nodes}) == len(made.nodes)
    assert ties(made, "MADE")[4] == ("Maker 0004", "The film 000")
    assert len(ties(made, "RATED")) == 12
    assert ties(made, "KNOWS", "badge") == [("J-000", "J-001"), ("J-001", "J-002"), ("J-002", "J-000")]
    assert {end for _, end in ties(made, "IN_GENRE")} <= {0, 1}
    assert [start for start, _ in ties(made, "HONOURS")] == [0, 0, 0]


def test_an_inferred_profile_will_do(tmp_path: Path) -> None:
    """A graph whose profile nobody has written takes the same scenario; its own key is made unique."""
    with stored(films().graph()) as snapshot:
        made = make(Base(snapshot, find_profile(snapshot, "auto")), FILMS, tmp_path, suffix=".yml")
    assert len({node.properties["filmId"] for node in made.nodes if node.labels == ("Film",)}) == 3


def test_toml_yaml_and_json_are_one_format() -> None:
    """The same tables in another notation are the same scenario, but for the digest of the text."""
    document = yaml.safe_load(FILMS)
    one = parse_topology(FILMS, suffix=".yaml")
    other = parse_topology(json.dumps(document, indent=2), suffix=".json")
    assert one.digest != other.digest
    assert {**_fields(one), "digest": ""} == {**_fields(other), "digest": ""}


def _fields(topology: Topology) -> dict:
    return {name: getattr(topology, name) for name in topology.__slots__ if name != "where"}


STAGES = """
about = "stages"
total = "3 * n"
container = "ResourceGroup"
region = "Region"
subscription = "Subscription"
[parameters.n]
about = "on average"
default = 4
minimum = 2
maximum = 100
[[sites]]
name = "stage"
environments = ["dev", "test", "prod"]
size = { dev = "n // 2", test = "n", prod = "3 * n - n // 2 - n" }
container_name = "rg-$token-$environment"
[[sites.groups]]
name = "net"
type = "A/net"
pattern = "net-$environment"
[[sites.groups]]
name = "gate"
type = "A/gate"
count = { dev = "0", test = "0", prod = "min(rest, 2)" }
pattern = "gate-$index"
[[sites.groups]]
name = "part"
type = "A/net/part"
parent = "net"
count = "rest"
pattern = "part-$index"
[[relationships]]
type = "AFTER"
from = "stage.part"
to = "stage.part"
how = "chain"
[[relationships]]
type = "BEHIND"
from = "stage.part"
to = "stage.gate"
how = "many-to-one"
"""


def test_sizes_by_environment(tmp_path: Path) -> None:
    """Sizes and counts that differ from stage to stage; what one stage has more is left out of a chain."""
    with grown_base(tiny_graph()) as (base, _, _):
        made = make(base, STAGES, tmp_path, {"n": 7})
    counts = Counter((node.properties["environment"], node.type) for node in made.resources)
    assert counts == {("dev", "A/net"): 1, ("dev", "A/net/part"): 2, ("test", "A/net"): 1, ("test", "A/net/part"): 6,
                      ("prod", "A/net"): 1, ("prod", "A/gate"): 2, ("prod", "A/net/part"): 8}
    assert Counter(ties(made, "AFTER", "environment")) == {("dev", "test"): 2, ("test", "prod"): 6}
    assert Counter(ties(made, "BEHIND", "environment")) == {("prod", "prod"): 8}
    ids = [node.properties["id"] for node in made.resources]
    assert len(set(ids)) == len(ids) == 21
    networks = {node.properties["environment"]: node.properties["id"] for node in made.resources
                if node.type == "A/net"}
    assert all(node.properties["id"].startswith(networks[node.properties["environment"]] + "/part/")
               for node in made.resources if node.type == "A/net/part")


SHARED = """
[[shared]]
name = "tag"
label = "Tag"
[[shared]]
name = "network"
type = "Microsoft.Network/virtualNetworks"
pick = "site"
[[shared]]
name = "moon"
label = "Moon"
[[relationships]]
type = "TAGGED_WITH"
from = "site.one"
to = "shared.tag"
how = "many-to-one"
[[relationships]]
type = "SERVES"
from = "shared.network"
to = "site.two"
how = "one-to-many"
[[relationships]]
type = "LIT_BY"
from = "site.two"
to = "shared.moon"
how = "many-to-one"
"""


def test_shared_nodes_of_the_base(tmp_path: Path) -> None:
    """Tags by label, a network by type; what the base has not is left out, or an error when it is required."""
    with grown_base(tiny_graph()) as (base, view, _):
        made = make(base, SCENARIO + SHARED, tmp_path, {"n": 5})
        assert {(view.nodes[end].labels, start) for start, end in ties(made, "TAGGED_WITH")} == {(("Tag",), "a")}
        assert {(view.nodes[start].type, end) for start, end in ties(made, "SERVES")} == {
            ("Microsoft.Network/virtualNetworks", "b")}
        assert len(ties(made, "SERVES")) == len(ties(made, "TAGGED_WITH")) == 5
        assert not ties(made, "LIT_BY")
        with pytest.raises(UsageError, match="the base has no such node"):
            make(base, (SCENARIO + SHARED).replace('label = "Moon"', 'label = "Moon"\nrequired = true'), tmp_path)


def test_the_same_file_under_another_path_is_the_same(tmp_path: Path) -> None:
    """The operation records which file it was by its digest; the bytes do not depend on where it lies."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.toml").write_text(SCENARIO)
    one, other = (find_scenario(str(tmp_path / name / "mine.toml")) for name in ("a", "b"))
    assert one == other


@pytest.mark.parametrize("named", ["./hub-spoke", "hub-spoke.toml", "sub/hub-spoke", "x.YAML", "hub.json"])
def test_paths_are_told_from_names(named: str) -> None:
    """A separator or a suffix makes it a path, also when a shipped scenario has that name."""
    with pytest.raises(UsageError, match=r"cannot be read|are not read"):
        find_scenario(named)
    assert find_scenario("hub-spoke") is shipped_scenario("hub-spoke")


@pytest.mark.parametrize(("before", "after", "line", "said"), [
    ("n * 2", "n * 3", None, "its total says 6 with n=2"),
    ("n * 2", "m * 2", None, "'m'"),
    ('pattern = "b"', 'pattern = "b$what"', 22, "placeholder"),
    ('pattern = "b"', 'pattern = "b"\ncount = "2"', 18, "one name"),
    ('pattern = "b"', 'pattern = "b"\ncolour = "red"', 23, "colour"),
    ('pattern = "b"', "pattern = 3", 22, "pattern is a text"),
    ('pattern = "b"', 'pattern = "b$index$row"', 18, "without anything between"),
    ('pattern = "b"', 'pattern = "b-$environment"', 18, "the site has none"),
    ('pattern = "b"', 'pattern = "b"\nid = "b"', 18, "ids of two operations"),
    ('pattern = "b"', 'pattern = "b"\nid = "b-$token"', 18, "one id"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {synthetic = true}', 23, "metadata"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {a = 2026-01-01}', 23, "cannot be"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {a = {b = [2026-01-01]}}', 23, "cannot be"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {a = {b = nan}}', 23, "cannot be"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {a = 9223372036854775808}', 23, "cannot be"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {a = {b = ["$what"]}}', 23, "placeholder"),
    ('pattern = "b"', 'pattern = "b"\nvalues = {id = "b"}', 18, "which is made"),
    ('pattern = "b"', 'pattern = "b"\ncount = {dev = "1"}', 18, "the environments are none"),
    ('pattern = "b"', 'pattern = "b"\ncount = {}', 18, "given for nothing, but the environments are none"),
    ('type = "A/a/b"\n', "", 19, "a type or labels"),
    ('type = "A/a/b"', 'labels = ["Original"]', 18, "never created"),
    ('parent = "one"', 'parent = "three"', 18, "'three'"),
    ('name = "two"', 'name = "one"', 18, "'one'"),
    ('name = "two"', 'name = "Two"', 19, "'Two' cannot be a name"),
    ('to = "site.two"', 'to = "site.six"', 23, "site.six"),
    ('to = "site.two"', 'to = "two"', 26, "names a site and a group"),
    ('name = "two"\ntype = "A/a/b"\nparent = "one"\npattern = "b"', 'name = "two"\ntype = "a/A"\npattern = "a"', 14,
     "ids would not be unique"),
    ('pattern = "b"', 'pattern = "b"\n[[sites.groups]]\nname = "three"\ntype = "A/a/B"\nparent = "one"\npattern = "B"',
     18, "ids would not be unique"),
    ("one-to-one", "ring", 23, "tie a group to itself"),
    ("one-to-one", "wheel", 27, "wheel"),
    ('"one-to-one"', '"one-to-one"\nwithin = true', 23, "within belongs to"),
    ('type = "TO"', 'type = "SCAN_SOURCE_NODE"', 23, "never created"),
    ("$token-$site", "$token", 10, "one name"),
    ("rg-$token-$site", "rg-$site", 10, "the same name"),
    ('count = "n"', 'count = "n"\nsize = "3"', 10, "not 3"),
    ('count = "n"', 'count = "n"\nenvironments = ["dev", "test", "prod"]', 10, "3 environments"),
    ('count = "n"', 'count = "-n"', 10, "count is -2"),
    ('count = "n"', 'count = "n"\nregions = "each"', 10, "regions need to be known"),
    ('container = "ResourceGroup"', "", 14, "begins with its subscription"),
    ("maximum = 9", "maximum = 0", 7, "between minimum 1 and maximum 0"),
    ("about", "about about", None, "line 2"),
])
def test_wrong_scenario_files_are_rejected(before: str, after: str, line: int | None, said: str) -> None:
    """Each fault is named, with the line on which the table or the key stands."""
    assert before in SCENARIO
    text = SCENARIO.replace(before, after, 1)
    if "regions" in after:
        text = text.replace('region = "Region"', "")
    with grown_base(tiny_graph()) as (base, _, _), pytest.raises(UsageError, match=said) as caught:
        grow_topology(base, parse_topology(text), parameters={"n": 2}, operation_id=OPERATION, seed=1)
    assert caught.value.hint
    assert caught.value.message.startswith("mine.toml" if line is None else f"mine.toml:{line}: ")


@pytest.mark.parametrize(("name", "refused"), [
    ("rg-$token-$site", True), ("rg-$token-7", True), ("RG-$token-$row", True), ("other-$token", False),
])
def test_containers_of_different_sites_have_different_names(name: str, refused: bool) -> None:
    """Also when one's numbers could be another's words."""
    text = SCENARIO.replace("n * 2", "n * 2 + 1").replace(
        "[[relationships]]", f'[[sites]]\nname = "other"\ncontainer_name = "{name}"\n[[sites.groups]]\nname = "one"\n'
        'type = "A/a"\npattern = "a"\n[[relationships]]')
    if refused:
        with pytest.raises(UsageError, match="ids would not be unique"):
            parse_topology(text)
    else:
        parse_topology(text)


@pytest.mark.parametrize("document", [
    {}, {"about": 1}, {"sites": 1}, {"sites": []}, {"sites": [1]}, {"sites": [{}]}, {"parameters": 1},
    {"parameters": {"n": 1}}, {"parameters": {"N": {}}}, {"relationships": [{}]}, {"shared": [{"name": "x"}]},
    {"sites": [{"name": "s", "groups": [{"name": "g", "labels": "L"}]}]},
    {"sites": [{"name": "s", "environments": [1], "groups": []}]},
])
def test_anything_else_is_an_error_in_words(document: dict) -> None:
    """Whatever the tables hold."""
    whole = {"about": "x", "total": "1", "sites": [{"name": "s", "groups": [{"name": "g", "labels": ["L"]}]}]}
    parse_topology(json.dumps(whole), suffix=".json")
    with pytest.raises(UsageError, match="mine"):
        parse_topology(json.dumps({**whole, **document} if document else {}), suffix=".json")
