"""A bill of materials: products of assemblies of parts, who supplies and who builds them; ids are quoted by others."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl

from synthgen.graph import LOOKUPS, Graph, NodeTable, RelationshipTable
from synthgen.sample.columns import amounts, chosen, kept, moments, some
from synthgen.seeding import I64, derive_seed, pick
from tests.kinds.drawing import (
    dates,
    favourites,
    heavy_tailed,
    lists,
    lists_of,
    node_table,
    numbers,
    often,
    points,
    relationship_table,
    unique,
    without_twins,
)

PLANTS = ["Graz", "Brno", "Pune", "Leeds", "Osaka", "Tampere"]
MATERIALS = ["steel", "aluminium", "brass", "nylon", "rubber", "glass", "copper"]
_THINGS = ["bolt", "bracket", "bushing", "cable", "clamp", "gasket", "hinge", "hose", "nut", "pin", "plate", "screw",
           "seal", "spring", "valve", "washer"]
_UNITS = ["gearbox", "pump", "frame", "drive", "cabin", "console", "axle", "motor", "door", "housing"]
_FIRMS = ["Ashdown", "Brightwater", "Cordova", "Delmonte", "Eastgate", "Fairweather", "Goldhammer", "Hollister",
          "Ironside", "Juniper", "Kingsbridge", "Lakeshore"]
_PEOPLE = ["Agnieszka Baran", "Bogdan Ilic", "Cecily Harcourt", "Dieter Vogelsang", "Emeka Obi", "Fumiko Arai"]
_FINISHES = ["zinc", "painted", "anodised", "polished"]
_FIRST_PART, _FIRST_ASSEMBLY, _FIRST_PRODUCT = 10_000, 2_000, 300


def bill_of_materials(nodes: int = 4_000, *, seed: int = 1) -> Graph:
    """Make a bill of materials of about this many nodes (at least 200), always the same for the same arguments.

    Of 100 nodes 74 are parts (`P-10432`), 22 assemblies (`A-2031`) up to five levels deep, 1 products (`X-301`), and
    others suppliers and plants. `number` is the id; `replaces`, `alternatives` and the JSON text `specification` quote
    the numbers of other parts and assemblies.
    """
    sizes = {"Product": max(1, nodes // 100), "Assembly": nodes * 22 // 100, "Supplier": max(1, nodes * 2 // 100),
             "Plant": len(PLANTS)}
    sizes["Part"] = nodes - sum(sizes.values())
    starts = np.cumsum([0, *sizes.values()]).tolist()
    first = dict(zip(sizes, starts, strict=False))
    part_numbers = _written("P", _FIRST_PART, sizes["Part"])
    assembly_numbers = _written("A", _FIRST_ASSEMBLY, sizes["Assembly"])
    tables = {
        "Product": _products(sizes["Product"], derive_seed(seed, "product")),
        "Assembly": _assemblies(assembly_numbers, derive_seed(seed, "assembly")),
        "Supplier": _suppliers(sizes["Supplier"], derive_seed(seed, "supplier")),
        "Plant": _plants(derive_seed(seed, "plant")),
        "Part": _parts(part_numbers, assembly_numbers, derive_seed(seed, "part")),
    }
    ties = _ties(sizes, first, derive_seed(seed, "ties"))
    schema = [*(unique(label, "number") for label in ("Part", "Assembly", "Product")), *LOOKUPS]
    return Graph([tables[name] for name in sizes], ties, schema)


def _written(letter: str, begin: int, size: int) -> pl.Series:
    return f"{letter}-" + pl.Series("", begin + numbers(size)).cast(pl.String)


def _products(size: int, seed: int) -> NodeTable:
    rows = numbers(size)
    return node_table(("Product",), {
        "number": ("STRING", _written("X", _FIRST_PRODUCT, size)),
        "name": ("STRING", chosen(rows, derive_seed(seed, "name"), _FIRMS) + " loader " + pl.Series("", rows).cast(
            pl.String)),
        "launched": ("DATE", dates(rows, derive_seed(seed, "launched"), years=70)),
        "discontinued": ("BOOLEAN", pl.Series(some(rows, derive_seed(seed, "discontinued"), 20))),
    })


def _assemblies(codes: pl.Series, seed: int) -> NodeTable:
    rows = numbers(len(codes))
    unit = chosen(rows, derive_seed(seed, "name"), _UNITS)
    # Older editions have lower numbers: what an assembly replaces stands before it.
    earlier = codes.gather(np.maximum(0, rows - 1 - pick(rows, derive_seed(seed, "step"), 9)))
    return node_table(("Assembly",), {
        "number": ("STRING", codes),
        "name": ("STRING", unit + " " + codes.str.slice(2)),
        "replaces": ("STRING", often(kept(earlier, rows > 0), derive_seed(seed, "replaces"), 15)),
        "owner": ("STRING", often(chosen(rows, derive_seed(seed, "owner"), _PEOPLE), derive_seed(seed, "owned"), 70)),
        "released": ("LOCAL DATETIME", moments(rows, derive_seed(seed, "released")).str.strip_suffix("Z")),
        "hours": ("FLOAT", amounts(rows, derive_seed(seed, "hours"), 40)),
    })


def _parts(codes: pl.Series, assemblies: pl.Series, seed: int) -> NodeTable:
    rows = numbers(len(codes))
    other, second = (codes.gather(pick(rows, derive_seed(seed, name), len(codes))) for name in ("other", "second"))
    fits = assemblies.gather(pick(rows, derive_seed(seed, "fits"), len(assemblies)))
    material = chosen(rows, derive_seed(seed, "material"), MATERIALS)
    thing = chosen(rows, derive_seed(seed, "thing"), _THINGS)
    sizes = pl.Series("", 1 + pick(rows, derive_seed(seed, "size"), 24)).cast(pl.String)
    finish = chosen(rows, derive_seed(seed, "finish"), _FINISHES)
    specification = ('{"material":"' + material + '","fits":["' + fits + '","' + assemblies[0] + '"],"mates":{"with":"'
                     + second + '","torque":' + sizes + '},"finish":"' + finish + '"}')
    alternatives = lists([other, second], pick(rows, derive_seed(seed, "length"), 3))
    return node_table(("Part",), {
        "number": ("STRING", codes),
        "name": ("STRING", thing + " M" + sizes + " " + material),
        "material": ("STRING", material),
        "replaces": ("STRING", often(other, derive_seed(seed, "replaces"), 25)),
        "alternatives": ("LIST<STRING>", alternatives),
        "specification": ("STRING", often(specification, derive_seed(seed, "specified"), 70)),
        "weight": ("FLOAT", often(amounts(rows, derive_seed(seed, "weight"), 12), derive_seed(seed, "weighed"), 85)),
        "stock": ("INTEGER", pl.Series("", heavy_tailed(len(codes), derive_seed(seed, "stock"), least=4,
                                                        most=50_000))),
        "critical": ("BOOLEAN", pl.Series(some(rows, derive_seed(seed, "critical"), 7))),
        "finishes": ("LIST<STRING>", lists_of(_FINISHES, rows, derive_seed(seed, "finishes"), most=2)),
    })


def _suppliers(size: int, seed: int) -> NodeTable:
    rows = numbers(size)
    firm = chosen(rows, derive_seed(seed, "firm"), _FIRMS) + " " + pl.Series("", rows + 1).cast(pl.String)
    domain = firm.str.to_lowercase().str.replace(" ", "", literal=True) + ".example"
    digits = pl.Series("", 1_000_000 + pick(rows, derive_seed(seed, "phone"), 8_999_999)).cast(pl.String)
    return node_table(("Supplier",), {
        "number": ("STRING", _written("S", 100, size)),
        "name": ("STRING", firm + " Ltd"),
        "contact": ("STRING", "sales@" + domain),
        "phone": ("STRING", often("+44 20 " + digits, derive_seed(seed, "called"), 80)),
        "site": ("STRING", "https://" + domain + "/catalogue"),
        "rating": ("INTEGER", pl.Series("", 1 + pick(rows, derive_seed(seed, "rating"), 5))),
    })


def _plants(seed: int) -> NodeTable:
    rows = numbers(len(PLANTS))
    return node_table(("Plant",), {
        "number": ("STRING", _written("W", 1, len(PLANTS))), "name": ("STRING", pl.Series("", PLANTS)),
        "at": ("POINT", points(rows, derive_seed(seed, "at"))),
    })


def _ties(sizes: dict[str, int], first: dict[str, int], seed: int) -> list[RelationshipTable]:
    of = {name: derive_seed(seed, name) for name in ("products", "depth", "above", "width", "parts", "supplier",
                                                     "suppliers", "plant", "quantity", "price", "lead")}
    assemblies, parts = numbers(sizes["Assembly"]), numbers(sizes["Part"])
    # The first assemblies stand in a product, each of the others in one of the level above it.
    level = np.array_split(assemblies, 5)
    in_product = level[0]
    top = (first["Product"] + in_product % sizes["Product"], first["Assembly"] + in_product)
    inner = [(first["Assembly"] + above[favourites(below, of["above"], len(above))], first["Assembly"] + below)
             for above, below in itertools.pairwise(level) if len(above)]
    using = np.repeat(assemblies, heavy_tailed(len(assemblies), of["width"], least=3, most=60))
    leaves = without_twins(first["Assembly"] + using,
                           first["Part"] + favourites(numbers(len(using)), of["parts"], sizes["Part"]))
    start, end = (np.concatenate(ends) for ends in zip(top, *inner, leaves, strict=True))
    supplied = np.repeat(parts, 1 + pick(parts, of["suppliers"], 3))
    supply = without_twins(first["Part"] + supplied, first["Supplier"] + favourites(numbers(len(supplied)),
                                                                                   of["supplier"], sizes["Supplier"]))
    offers = numbers(len(supply[0]))
    days = pl.Series("", 1 + pick(offers, of["lead"], 60)).cast(pl.String)
    built = assemblies[: max(1, len(assemblies) // 2)]
    return [
        relationship_table("CONTAINS_PART", start, end, {
            "quantity": ("INTEGER", pl.Series("", heavy_tailed(len(start), of["quantity"], least=1, most=200))),
            "position": ("STRING", "pos " + pl.Series("", 1 + _place_in(start)).cast(pl.String)),
        }),
        relationship_table("SUPPLIED_BY", *supply, {
            "price": ("FLOAT", amounts(offers, of["price"], 90)),
            "leadTime": ("DURATION", often("P" + days + "D", derive_seed(of["lead"], "known"), 70)),
        }),
        relationship_table("BUILT_AT", first["Assembly"] + built, first["Plant"] + pick(built, of["plant"],
                                                                                      len(PLANTS))),
        relationship_table("SHIPPED_FROM", first["Product"] + numbers(sizes["Product"]),
                           first["Plant"] + numbers(sizes["Product"]) % len(PLANTS)),
    ]


def _place_in(start: I64) -> I64:
    """Count the rows of each start from 0."""
    order = np.argsort(start, kind="stable")
    begins = np.searchsorted(start[order], start[order])
    place: I64 = np.empty(len(start), np.int64)
    place[order] = numbers(len(start)) - begins
    return place
