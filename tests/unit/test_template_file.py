"""Template files as a user writes them: the docs' worked example, mistakes told by line, nothing that breaks out."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.generate import grow
from synthgen.parameters import TemplateParameters
from synthgen.profile import AZURE
from synthgen.sample import sample_tenant
from synthgen.snapshot.write import write_snapshot
from synthgen.sources import parse_source
from synthgen.templates.file import parse_template, read_template
from synthgen.templates.texts import LONGEST, parse_text
from tests.graphs import CREATED_AT, Draft
from tests.growths import OPERATION, Made, made_by, make_bundle
from tests.kinds.drawing import unique
from tests.tiny import VM, tiny_graph

DOCS = Path(__file__).parents[2] / "docs" / "templates.md"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The sample tenant."""
    folder = tmp_path_factory.mktemp("sample")
    return Base(write_snapshot(sample_tenant(resources=4092, seed=1), folder / "base", created_at=CREATED_AT, source={},
                               profile="azure"), AZURE)


@pytest.fixture
def tiny(tmp_path: Path) -> Base:
    """The tiny tenant."""
    snapshot = write_snapshot(tiny_graph(), tmp_path / "base", created_at=CREATED_AT, source={}, profile="azure")
    return Base(snapshot, AZURE)


def made_from(base: Base, text: str, out: Path, suffix: str = ".yaml", **more: float) -> Made:
    """Make what a file says."""
    template = parse_template(parse_source(text, said=f"t{suffix}", suffix=suffix))
    return made_by(make_bundle(base, TemplateParameters(template=template, **more), out))


def test_the_worked_example_of_the_docs_makes_what_it_says(tiny: Base, tmp_path: Path) -> None:
    """What docs/templates.md shows, run verbatim: counts, names, ids, tags, sku, nested JSON, new type, rule."""
    text = re.search(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[1]
    made = made_from(tiny, text, tmp_path / "out")
    arms = "Contoso.Robots/arms"
    assert Counter(node.type for node in made.resources) == {VM: 30, arms: 10}
    machines = {node.properties["name"]: node.properties for node in made.nodes if node.type == VM}
    assert sorted(machines) == [f"vm-{index:03}" for index in range(30)]
    first = machines["vm-000"]
    group = first["resource_group"]
    assert re.fullmatch(r"rg-test-\d+-[0-9a-z]{8}", group)
    assert first["id"] == f"/subscriptions/s1/resourceGroups/{group}/providers/{VM}/vm-000"
    assert first["tags"] == '{"test-team":"team-0"}'
    assert json.loads(first["sku"])["name"] == "Standard_B2s", "the tiny base has no plain skus"
    assert first["properties"] == (
        '{"hardwareProfile":{"vmSize":"Standard_B2s"},"osProfile":{"computerName":"vm-000","number":1},'
        f'"networkProfile":"/subscriptions/s1/resourceGroups/{group}"}}')
    assert {values["location"] for values in machines.values()} == {"eastus", "westeurope"}
    located = {made.nodes[start[1]].properties["location"] for start, type_, _, _ in made.relationships
               if type_ == "LOCATED_IN" and made.nodes[start[1]].type == VM}
    assert located == {"eastus"}, "the base has no other region"
    sizes = {node.properties["name"]: (node.properties["size"], node.properties["zones"]) for node in made.nodes
             if node.type == arms}
    assert sizes == {f"arm-{index}": (10 * index, ["1", str(1 + index % 3)]) for index in range(10)}
    for node in made.nodes:
        if node.type == arms:
            assert re.fullmatch(rf"/subscriptions/s1/resourceGroups/rg-test-\d+-\w+/providers/{arms}/arm-\d",
                                node.properties["id"])
    assert sum(type_ == "STEERED_BY" for _, type_, _, _ in made.relationships) == 10


@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_json_and_toml_say_the_same(tiny: Base, tmp_path: Path, suffix: str) -> None:
    """The same file in another format makes the same."""
    text = {
        ".json": json.dumps({"resources": [{"type": VM, "count": 2, "template": {"name_pattern": "m{index}"}}]}),
        ".toml": f'[[resources]]\ntype = "{VM}"\ncount = 2\n[resources.template]\nname_pattern = "m{{index}}"\n',
    }[suffix]
    made = made_from(tiny, text, tmp_path / "out", suffix)
    assert sorted(node.properties["name"] for node in made.resources) == ["m0", "m1"]


@pytest.mark.parametrize("factor", [1, 10])
def test_many_types_have_exactly_their_counts(sample: Base, factor: int) -> None:
    """87 types and 18,522 resources, some of types that the base has none of, and ten times of all with a factor."""
    known = sorted(set(sample.resource_types.filter(list(sample.resources))))
    types = [*known[:67], *(f"Contoso.Made{number}/up{number * 7}" for number in range(20))]
    counts = {type_: 50 + 3 * position for position, type_ in enumerate(types)}
    counts[types[0]] += 18_522 - sum(counts.values())
    resources = [{"type": type_, "count": count, "template": {
        "name_pattern": f"n{position}-{{index}}", "location": "{{ random_location }}",
        "properties": {"net": "10.{{ index // 256 % 256 }}.{{ index % 256 }}.0/24"}}}
        for position, (type_, count) in enumerate(counts.items())]
    template = parse_template(parse_source(json.dumps({"resources": resources}), said="t.json", suffix=".json"))
    assert (len(counts), sum(counts.values())) == (87, 18_522)
    parameters = TemplateParameters(template=template, scale_factor=float(factor))
    growth = grow(sample, parameters, operation_id=OPERATION, seed=1)
    found: Counter[str] = Counter()
    for block in growth.nodes:
        found.update(block.resource_types)
        rows = block.make(0, block.rows)
        if "type" in rows.columns:
            assert dict(rows["type"].value_counts().iter_rows()) == block.resource_types
    assert found == {type_: factor * count for type_, count in counts.items()}


WRONG = [
    # the file, the line that is told, what is said
    ("resources:\n- type: T\n  count: 1\n  templat: {}", 4, "'templat' is not understood"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    name: x", 5, "'name' is not understood in template"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    location: '{{ nowhere }}'", 5, "there is no 'nowhere' here"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    name_pattern: '{{ name }}'", 5, "there is no 'name' here"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    name_pattern: 'a/{index}'", 5, "is no name"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    name_pattern: 'a{number}'", 5, "'{number}' is not"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    tags: {a: [1]}", 5, "the tag 'a' is no text"),
    ("resources:\n- type: T\n  count: 1\n  template:\n    properties:\n      a:\n      - b: '{{ index / 2 }}'", 7,
     "/ (// gives whole numbers)"),
    ("resources:\n- type: T\n  count: 1\n  properties:\n    when: 2026-01-31", 5, "is no text, number"),
    ("resources:\n- type: T\n  count: 1\n  properties:\n    x: .inf", 5, "is no text, number"),
    ("resources:\n- type: T\n  count: 1\n  properties:\n    synthetic: true", 5, "'synthetic' cannot be given"),
    ("resources:\n- type: T\n  count: 1\n  name_prefix: 5", 4, "name_prefix is a text, not 5"),
    ("resources:\n- type: T\n  count: 1\n  labels: X", 4, "labels is a list, not 'X'"),
    ("resources:\n- type: T\n  count: 1\n  name_prefix: a\n  template: {name_pattern: b}", 4, "exclude each other"),
    ("resources:\n- type: T\n  count: one", 3, "the count of 'T' is 'one'"),
    ("resources:\n- {type: T, count: 1}\nrelationships:\n- {from: T, type: R, to: U}", 4, "'U' is none of the types"),
    ("resources:\n- {type: T, count: 1}\nrelationships:\n- from: T\n  type: R\n  to: T\n  how: star", 7, "'star'"),
    ("resources:\n- {type: T, count: 1}\nrelationships:\n- from: T\n  type: R\n  to: T\n  share: 2", 7, "share is 2"),
    ("resources:\n- {type: T, count: 1}\nconfig:\n  random_locations: [1]", 4, "is a text, not 1"),
    ("resources:\n- {type: T, count: 1}\nconfig:\n  pace: 1", 4, "'pace' is not understood in config"),
]


@pytest.mark.parametrize(("text", "line", "said"), WRONG, ids=lambda value: value if isinstance(value, str) else None)
def test_a_mistake_is_told_with_its_line(text: str, line: int, said: str) -> None:
    """Unknown keys and names and wrong kinds are errors that name file and line."""
    with pytest.raises(UsageError) as error:
        parse_template(parse_source(text, said="t.yaml", suffix=".yaml"))
    assert error.value.message.startswith(f"t.yaml:{line}: ")
    assert said in error.value.message
    assert error.value.hint


OF_THE_BASE = [
    ("  properties:\n    size: big", 5, "'size' is a INTEGER in the base"),
    ("  properties:\n    zones: 5", 5, "'zones' is a LIST<STRING> in the base"),
    ("  properties:\n    id: 5", 5, "'id' cannot be given"),
    ("  properties:\n    name: x", 5, "'name' cannot be given"),
    (f"relationships:\n- {{from: {VM}, type: SCAN_SOURCE_NODE, to: {VM}}}", 5, "are never made"),
    ("- {type: Microsoft.Compute/virtualMachine, count: 1}", 4, "looks like it"),
]


def test_a_unique_property_cannot_be_given(tmp_path: Path) -> None:
    """What a constraint makes unique is not given by a file, which could give one value twice."""
    draft = Draft()
    draft.add(["Resource"], {"id": "/a", "type": VM, "name": "a", "note": "n"})
    draft.schema.append(unique("Resource", "note"))
    base = Base(write_snapshot(draft.graph(), tmp_path / "base", created_at=CREATED_AT, source={},
                               profile="azure"), AZURE)
    text = f"resources:\n- type: {VM}\n  count: 2\n  properties:\n    note: x"
    template = parse_template(parse_source(text, said="t.yaml", suffix=".yaml"))
    with pytest.raises(UsageError, match=r"^t.yaml:5: a constraint of the base makes 'note' unique"):
        grow(base, TemplateParameters(template=template), operation_id=OPERATION, seed=1)


@pytest.mark.parametrize(("text", "line", "said"), OF_THE_BASE)
def test_what_the_base_does_not_allow_is_told_with_its_line(tiny: Base, text: str, line: int, said: str) -> None:
    """Kinds that are not the base's, parts that are made to agree, protected and misspelt types."""
    whole = f"resources:\n- type: {VM}\n  count: 1\n{text}"
    template = parse_template(parse_source(whole, said="t.yaml", suffix=".yaml"))
    with pytest.raises(UsageError) as error:
        grow(tiny, TemplateParameters(template=template), operation_id=OPERATION, seed=1)
    assert error.value.message.startswith(f"t.yaml:{line}: ")
    assert said in error.value.message


ESCAPES = [
    "{{ index.__class__.__mro__ }}", "{{ ''.__class__ }}", "{{ name|attr('__class__') }}", "{{ self }}", "{{ cycler }}",
    "{{ lipsum.__globals__ }}", "{{ name.format(index) }}", "{{ '%099999999d' % index }}",
    "{{ '{0.x}' | format(index) }}",
    "{{ range(999999999) }}", "{{ [0] * 999999999 }}", "{{ 'a' * 999999999 }}", "{{ index ** 999999999 }}",
    "{% for x in range(9) %}{% endfor %}", "{% set x = 1 %}", "{% include 'x' %}", "{{ name[0] }}", "{{ {} }}",
    "{{ index * 999999999 * 999999999 * 999999999 }}", "{{ 1 // 0 }}", "{{ 1 // index }}", "{{ index % (index - 5) }}",
    "{{ name is defined }}", "{{ caller() }}", "{{ index if index }}", "{{ 1.5 }}", "{{ none }}", "{{ true }}",
    "{{ " + "-" * 500 + "1 }}", "{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "{{ index", "{{ index }} " + "x" * LONGEST,
    "{{ 'a' + index }}", "{{ index ~ (1 == 1) }}", "{{ 'a' if 1 else 2 }}", "{{ index | pad(99999999) }}",
]


@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: text[:40])
def test_nothing_breaks_out(text: str) -> None:
    """Attributes, calls, loops, statements, growth without end and what may fail for some row are refused at once."""
    with pytest.raises(UsageError, match=r"^here: "):
        parse_text(text, "here")


def test_an_alias_that_stands_for_very_much_is_refused() -> None:
    """A file of a few lines that would become gigabytes is a mistake."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 5))
    indented = "".join(f"      {line}\n" for line in bomb.splitlines())
    with pytest.raises(UsageError, match="more than 10,000 parts"):
        parse_template(parse_source(f"resources:\n- type: T\n  count: 1\n  template:\n    properties:\n{indented}",
                                    said="t.yaml", suffix=".yaml"))


def test_a_file_of_counts_is_as_before(tmp_path: Path) -> None:
    """A file with only types and counts says no more than these, whatever its metadata."""
    (tmp_path / "t.yaml").write_text("metadata: {made: 2026-01-31}\n"
                                     "resources: [{type: A, count: 2}, {type: A, count: 1}]", encoding="utf-8")
    template = read_template(tmp_path / "t.yaml")
    assert template.plain
    assert template.counts == {"A": 3}
    assert not template.document
