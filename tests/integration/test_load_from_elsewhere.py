"""Bundles whose parts lie in a real S3 server on the real Neo4j: loaded in both ways, validated, rolled back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stores import BUCKET, Store
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j
FILES = f"s3://{BUCKET}/operations"


@pytest.fixture(scope="module")
def shop(workshop: Workshop, store: Store) -> Workshop:
    """A small tenant, restored and exported, and the store in the commands' environment."""
    shop = replace(workshop, settings=store.environment)
    shop.do("synthgen sample --resources 400", "--out", str(shop.out / "sample"))
    shop.do("importer restore", str(shop.out / "sample"))
    shop.do("synthgen export")
    return shop


def generate(shop: Workshop) -> str:
    made = shop.do(f"synthgen generate --strategy template --scale-factor 3 --files {FILES}")
    assert not parts(shop, made["operation_id"])
    return made["operation_id"]


def parts(shop: Workshop, operation_id: str) -> list[Path]:
    """Name the parts that are here."""
    return sorted((shop.out / "operations" / operation_id).glob("*.part-*"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_loaded_validated_and_rolled_back(shop: Workshop, store: Store, mode: str) -> None:
    """As one whose parts are here; another offline load brings them again when they are needed again."""
    digest = shop.digest()
    operation_id = generate(shop)
    told = shop.run(f"importer load {operation_id} --mode {mode} --dry-run")
    assert f"bring what is not here yet from {FILES}/{operation_id}" in told.stdout
    assert not parts(shop, operation_id)
    shop.do(f"importer load {operation_id} --mode {mode}")
    assert shop.do(f"importer validate {operation_id}")["passed"]
    for part in parts(shop, operation_id):
        part.unlink()
    other = shop.do("synthgen generate --strategy random --count 50")["operation_id"]
    shop.do(f"importer load {other} --mode offline")
    assert parts(shop, operation_id)
    assert shop.do(f"importer validate {operation_id}")["passed"]
    for one in (operation_id, other):
        for part in parts(shop, one):
            part.unlink()
        shop.do(f"importer rollback {one}")
        assert not parts(shop, one)
    assert shop.digest() == digest
    assert shop.traces() == 0
    shop.do("importer prune --keep-last 0 --yes")
    assert store.objects("operations") == {}
    assert not shop.do("importer list")["operations"]


def change(store: Store, key: str) -> None:
    content = store.objects(key.rpartition("/")[0])[key.rpartition("/")[2]]
    store.put(key, content.replace(b"a", b"b", 1))


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "spoil", "said"), [
    ("online", lambda store, key: store.delete(key), "is missing"),
    ("offline", lambda store, key: store.put(key, b""), "was changed"),
    ("online", change, "was changed"),
    ("offline", None, "AWS_ENDPOINT_URL"),
], ids=["missing", "empty", "changed", "down"])
def test_what_cannot_be_brought_is_not_loaded(
    shop: Workshop, store: Store, mode: str, spoil: Any, said: str
) -> None:
    """It is named where it lies; the database is as it was, and the history says nothing of a load."""
    digest = shop.digest()
    operation_id = generate(shop)
    name = next(name for name in store.objects(f"operations/{operation_id}") if ".part-" in name)
    settings = {}
    if spoil is None:
        settings = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    else:
        spoil(store, f"operations/{operation_id}/{name}")
    answer = shop.run(f"importer load {operation_id} --mode {mode} --json", **settings)
    assert answer.code == 1, answer.stderr
    assert f"{FILES}/{operation_id}" in answer.error["message"]
    assert said in answer.error["message"] + answer.error["hint"]
    assert shop.digest() == digest
    assert shop.events(operation_id) == ["generated"]
    shop.do("importer prune --keep-last 0 --yes")
