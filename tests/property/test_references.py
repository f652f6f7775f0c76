"""What properties of copies quote: it exists, and it is the copy that the copy is tied to."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.profile import Profile
from tests.graphs import Draft
from tests.growths import Made, grown_base, made_by, make_bundle

THINGS = Profile(name="things", resource_labels=("Thing",), container_labels=("Box",), containment_types=("HOLDS",),
                 id="id", name_property="name")
STYLES = {
    "path": "/things/{}", "word": "T-{:03}", "guid": "{:08x}-0000-4000-8000-000000000000",
    "url": "https://things.example/{}", "spaced": "Thing no. {}", "deep": "/things/{:08x}-0000-4000-8000-000000000001",
}


@st.composite
def quoting_drafts(draw: st.DrawFn, *, backwards: bool = False) -> Draft:
    """Things that quote the ids of the things that they are tied to by LINKS in JSON, lists and texts.

    They are the start of these relationships, or with `backwards` the end.
    """
    draft = Draft()
    taken: set[tuple[int, int]] = set()
    styles = [draw(st.sampled_from(sorted(STYLES))) for _ in range(draw(st.integers(2, 7)))]
    ids = [STYLES[style].format(number) for number, style in enumerate(styles)]
    boxes = [draft.add(["Box"], {"id": f"/boxes/{number}", "name": f"box {number}"})
             for number in range(draw(st.integers(0, 2)))]
    things = []
    for number, id_ in enumerate(ids):
        linked = draw(st.lists(st.integers(0, len(ids) - 1), max_size=3, unique=True).map(
            # Of two that are tied both ways it could be either that is quoted.
            lambda chosen, own=number: [one for one in chosen if one != own and (one, own) not in taken]))
        taken.update((number, one) for one in linked)
        quoted = [ids[one] for one in linked]
        things.append((draft.add(["Thing"], {
            "id": id_, "name": f"thing-{number:04}", "type": draw(st.sampled_from(("a", "b"))),
            "json": json.dumps({"self": id_, "linked": quoted, "nested": [{"ref": {"id": one}} for one in quoted]}),
            "list": quoted or None, "single": quoted[0] if quoted else None,
            "text": (f"see {quoted[0]}, or (thing-{linked[0]:04})." if quoted and " " not in quoted[0]
                     else "see nothing"),
        }, {"list": "LIST<STRING>"}), linked))
    if boxes:
        for thing, _ in things:
            draft.tie(draw(st.sampled_from(boxes)), "HOLDS", thing)
    for thing, linked in things:
        for other in linked:
            start, end = (things[other][0], thing) if backwards else (thing, things[other][0])
            draft.tie(start, "LINKS", end, {"note": json.dumps([draft.nodes[one].properties["id"]
                                                                for one in (start, end)])})
    return draft


def quoted_by(properties: dict[str, Any]) -> dict[str, list[str]]:
    """Give what a thing's properties quote, by where."""
    document = json.loads(properties["json"])
    return {"json": document["linked"], "nested": [one["ref"]["id"] for one in document["nested"]],
            "list": properties.get("list", []),
            "single": [properties["single"]] if "single" in properties else []}


def linked_by(made: Made, *, backwards: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Give the ids of the synthetic nodes that each synthetic node links to, or is linked from."""
    links: dict[int, list[str]] = {number: [] for number, node in enumerate(made.nodes) if "Thing" in node.labels}
    for (_, start), type_, (_, end), _ in made.relationships:
        if type_ == "LINKS" and backwards:
            links[end].append(made.nodes[start].properties["id"])
        elif type_ == "LINKS":
            links[start].append(made.nodes[end].properties["id"])
    yield from links.items()


WHOLE: list[Parameters] = [TemplateParameters(scale_factor=2), TemplateParameters(scale_factor=4),
                           RandomParameters(count=30)]


@pytest.mark.parametrize("parameters", WHOLE, ids=["twice", "four times", "random"])
@pytest.mark.parametrize("backwards", [False, True], ids=["links to", "is linked from"])
@settings(max_examples=50)
@given(data=st.data())
def test_a_copy_quotes_the_copies_that_it_is_tied_to(*, backwards: bool, parameters: Parameters,
                                                     data: st.DataObject) -> None:
    """In JSON, in lists and as a whole value; with its own id in its own JSON."""
    draft = data.draw(quoting_drafts(backwards=backwards))
    with grown_base(draft.graph(), THINGS) as (base, _, out):
        made = made_by(make_bundle(base, parameters, out))
    if isinstance(parameters, RandomParameters):  # all things have as many copies, so every tie is there
        made = made if 30 % len([node for node in draft.nodes if "Thing" in node.labels]) == 0 else Made([], [])
    for number, linked in linked_by(made, backwards=backwards):
        properties = made.nodes[number].properties
        assert json.loads(properties["json"])["self"] == properties["id"]
        quoted = quoted_by(properties)
        assert sorted(quoted["json"]) == sorted(linked)
        assert quoted["nested"] == quoted["json"]
        assert quoted["list"] == quoted["json"]
        assert quoted["single"] == quoted["json"][:1]


@pytest.mark.parametrize("parameters", WHOLE, ids=["twice", "four times", "random"])
@settings(max_examples=40)
@given(draft=quoting_drafts())
def test_relationships_quote_the_copies_that_they_tie(parameters: Parameters, draft: Draft) -> None:
    """In their properties, both ends."""
    with grown_base(draft.graph(), THINGS) as (base, _, out):
        made = made_by(make_bundle(base, parameters, out))
    for (_, start), type_, (_, end), properties in made.relationships:
        if type_ == "LINKS":
            assert json.loads(properties["note"]) == [made.nodes[one].properties["id"] for one in (start, end)]


@settings(max_examples=50)
@given(draft=quoting_drafts(), data=st.data())
def test_nothing_that_a_copy_quotes_is_missing(draft: Draft, data: st.DataObject) -> None:
    """Whatever part is copied: a quoted id is that of a synthetic node, or the base's where that node has no copy."""
    parameters = data.draw(st.one_of(
        st.builds(TemplateParameters, scale_factor=st.sampled_from((1.3, 1.5, 2.75, 3.2))),
        st.builds(TemplateParameters, target_count=st.integers(1, 9), resource_types=st.just(())),
        st.builds(RandomParameters, count=st.integers(1, 20)),
    ))
    in_base = {node.properties["id"] for node in draft.nodes}
    with grown_base(draft.graph(), THINGS) as (base, _, out):
        made = made_by(make_bundle(base, parameters, out))
    ids = {node.properties["id"] for node in made.nodes}
    copied = {re.sub(r"-[0-9a-z]{8}-\d+$", "", id_) for id_ in ids}
    for node in made.nodes:
        if "Thing" in node.labels:
            for quoted in itertools.chain(*quoted_by(node.properties).values()):
                assert quoted in ids or (quoted in in_base and quoted not in copied)


@settings(max_examples=50)
@given(draft=quoting_drafts())
def test_texts_speak_of_the_copy_by_id_and_by_name(draft: Draft) -> None:
    """Words of a longer text, too; all else in the text stays."""
    with grown_base(draft.graph(), THINGS) as (base, _, out):
        made = made_by(make_bundle(base, TemplateParameters(scale_factor=3), out))
    names = {node.properties["id"]: node.properties["name"] for node in made.nodes}
    for number, linked in linked_by(made):
        properties = made.nodes[number].properties
        quoted = quoted_by(properties)["json"]
        if properties["text"] != "see nothing":
            assert properties["text"] == f"see {quoted[0]}, or ({names[quoted[0]]})."
            assert quoted[0] in linked
