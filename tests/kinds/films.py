"""A film database: films, the people in them, studios, and the genres and countries that all of them share."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthgen.graph import LOOKUPS, Graph, NodeTable, RelationshipTable
from synthgen.sample.columns import chosen, moments, some
from synthgen.seeding import I64, derive_seed, mix, pick
from tests.kinds.drawing import (
    dates,
    favourites,
    heavy_tailed,
    lists_of,
    node_table,
    numbers,
    often,
    points,
    relationship_table,
    unique,
    without_twins,
)

GENRES = ["drama", "comedy", "thriller", "documentary", "romance", "science fiction", "horror", "western", "musical",
          "animation", "film noir", "war"]
COUNTRIES = {"AT": "Austria", "CA": "Canada", "DE": "Germany", "DK": "Denmark", "FR": "France", "GB": "United Kingdom",
             "IN": "India", "IT": "Italy", "JP": "Japan", "KR": "South Korea", "MX": "Mexico", "NG": "Nigeria",
             "PL": "Poland", "SE": "Sweden", "US": "United States"}
_GIVEN = ["Ada", "Amara", "Bruno", "Chiara", "Dragan", "Eleni", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kofi",
          "Leila", "Marek", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tomoko", "Ursula", "Viktor", "Wanda"]
_FAMILY = ["Achterberg", "Bellweather", "Castellani", "Dombrowski", "Eriksdottir", "Fontenoy", "Grünwald", "Hashimoto",
           "Ibarra", "Jankovic", "Kowalczyk", "Lindqvist", "Moreau", "Nakagawa", "Okonkwo", "Petrosyan", "Quispe",
           "Rosenthal", "Szymanska", "Thorvald", "Ueda", "Villanueva", "Wachowiak", "Yildirim", "Zuckerbrot"]
_ADJECTIVES = ["Silent", "Broken", "Crimson", "Distant", "Empty", "Frozen", "Golden", "Hidden", "Last", "Long", "Lost",
               "Midnight", "Paper", "Restless", "Second", "Velvet"]
_NOUNS = ["Harbour", "Garden", "Empire", "Letter", "Orchard", "Winter", "Machine", "Promise", "River", "Shadow",
          "Station", "Summer", "Theatre", "Valley", "Voyage", "Witness"]
_KEYWORDS = ["family", "betrayal", "city", "road", "love", "heist", "memory", "sea", "train", "revenge", "school"]
_ROLES = ["Doctor", "Driver", "Inspector", "Mother", "Neighbour", "Pilot", "Stranger", "Teacher", "Waiter", "Narrator"]
_MOST_ACTORS = 14


def film_database(nodes: int = 4_000, *, seed: int = 1) -> Graph:
    """Make a film database of about this many nodes (at least 100), always the same for the same arguments.

    Of 100 nodes 30 are films, every tenth of them a documentary with a label of its own, 2 are studios, and the others
    people; genres and countries are few. Ids are integers that count per label. Degrees are heavy-tailed on both ends:
    most people act once and some in dozens of films.
    """
    films, studios = nodes * 30 // 100, nodes * 2 // 100
    people = nodes - films - studios - len(GENRES) - len(COUNTRIES)
    documentaries = films // 10
    sizes = {"Film": films - documentaries, "Documentary": documentaries, "Person": people, "Studio": studios,
             "Genre": len(GENRES), "Country": len(COUNTRIES)}
    starts = np.cumsum([0, *sizes.values()]).tolist()
    first = dict(zip(sizes, starts, strict=False))
    titled = _films(films, derive_seed(seed, "film"))
    tables = [
        NodeTable(("Film",), titled.types, titled.frame.head(sizes["Film"])),
        NodeTable(("Documentary", "Film"), titled.types, titled.frame.tail(documentaries)),
        _people(people, derive_seed(seed, "person")),
        _studios(studios, derive_seed(seed, "studio")),
        node_table(("Genre",), {"name": ("STRING", pl.Series(GENRES))}),
        node_table(("Country",), {"code": ("STRING", pl.Series(list(COUNTRIES))),
                                  "name": ("STRING", pl.Series(list(COUNTRIES.values())))}),
    ]
    ties = _ties(films, people, studios, first, derive_seed(seed, "ties"))
    return Graph(tables, ties, (unique("Film", "filmId"), unique("Person", "personId"), unique("Studio", "studioId"),
                                *LOOKUPS))


def _films(size: int, seed: int) -> NodeTable:
    rows = numbers(size)
    words = [chosen(rows, derive_seed(seed, place), pool) for place, pool in
             (("adjective", _ADJECTIVES), ("noun", _NOUNS), ("second", _NOUNS))]
    title = "The " + words[0] + " " + words[1] + " of the " + words[2]
    slug = title.str.to_lowercase().str.replace_all(" ", "-", literal=True)
    rating = pl.Series("", 10 + pick(rows, derive_seed(seed, "rating"), 90)) / 10.0
    return node_table(("Film",), {
        "filmId": ("INTEGER", pl.Series("", 100_000 + rows)),
        "title": ("STRING", title),
        "tagline": ("STRING", often(words[2] + " will never be the same.", derive_seed(seed, "tagline"), 40)),
        "website": ("STRING", often("https://www." + slug + ".example/film?id=" + pl.Series("", 100_000 + rows).cast(
            pl.String), derive_seed(seed, "website"), 50)),
        "rating": ("FLOAT", often(rating, derive_seed(seed, "rated"), 90)),
        "votes": ("INTEGER", pl.Series("", heavy_tailed(size, derive_seed(seed, "votes"), least=3, most=900_000))),
        "minutes": ("INTEGER", pl.Series("", 60 + pick(rows, derive_seed(seed, "minutes"), 40)
                                         + pick(rows, derive_seed(seed, "more"), 60))),
        "released": ("DATE", often(dates(rows, derive_seed(seed, "released"), years=74), derive_seed(seed, "out"), 95)),
        "addedAt": ("ZONED DATETIME", moments(rows, derive_seed(seed, "added"))),
        "colour": ("BOOLEAN", pl.Series(some(rows, derive_seed(seed, "colour"), 85))),
        "keywords": ("LIST<STRING>", lists_of(_KEYWORDS, rows, derive_seed(seed, "keywords"), most=4)),
    })


def _people(size: int, seed: int) -> NodeTable:
    rows = numbers(size)
    given, family = (chosen(rows, derive_seed(seed, name), pool) for name, pool in
                     (("given", _GIVEN), ("family", _FAMILY)))
    name = given + " " + family
    email = (given + "." + family).str.to_lowercase() + pl.Series("", rows).cast(pl.String) + "@agency.example"
    return node_table(("Person",), {
        "personId": ("INTEGER", pl.Series("", 1 + rows)),
        "name": ("STRING", name),
        "email": ("STRING", often(email, derive_seed(seed, "email"), 30)),
        "born": ("DATE", often(dates(rows, derive_seed(seed, "born"), years=50), derive_seed(seed, "known"), 80)),
        "birthplace": ("POINT", often(points(rows, derive_seed(seed, "place")), derive_seed(seed, "placed"), 60)),
    })


def _studios(size: int, seed: int) -> NodeTable:
    rows = numbers(size)
    name = chosen(rows, derive_seed(seed, "name"), _NOUNS) + " Pictures " + pl.Series("", rows + 1).cast(pl.String)
    return node_table(("Studio",), {
        "studioId": ("INTEGER", pl.Series("", 1 + rows)),
        "name": ("STRING", name),
        "founded": ("INTEGER", pl.Series("", 1911 + pick(rows, derive_seed(seed, "founded"), 110))),
        "headquarters": ("POINT", points(rows, derive_seed(seed, "place"))),
    })


def _ties(films: int, people: int, studios: int, first: dict[str, int], seed: int) -> list[RelationshipTable]:
    of = {name: derive_seed(seed, name) for name in ("cast", "actor", "roles", "pays", "director", "genre", "second",
                                                     "studio", "country", "home", "sequel", "knows")}
    every, film = numbers(films), first["Film"]
    played = np.repeat(every, heavy_tailed(films, of["cast"], least=2, most=_MOST_ACTORS))
    acting = without_twins(first["Person"] + favourites(numbers(len(played)), of["actor"], people), film + played)
    roles = lists_of(_ROLES, numbers(len(acting[0])), of["roles"], most=3)
    pay = often(pl.Series("", mix(numbers(len(roles)), of["pays"]) % np.uint64(2_000_000)).cast(pl.Float64) / 100.0,
                derive_seed(of["pays"], "known"), 30)
    directing = without_twins(first["Person"] + favourites(every, of["director"], max(1, people // 6)), film + every)
    genres = np.concatenate([pick(every, of["genre"], len(GENRES)), favourites(every, of["second"], len(GENRES))])
    in_genre = without_twins(np.tile(film + every, 2), first["Genre"] + genres)
    made = every[some(every, of["studio"], 90)]
    born = numbers(people)[some(numbers(people), of["home"], 85)]
    later = every[some(every, of["sequel"], 8) & (every > 0)]
    return [
        relationship_table("ACTED_IN", *acting, {"roles": ("LIST<STRING>", roles), "pay": ("FLOAT", pay)}),
        relationship_table("DIRECTED", *directing),
        relationship_table("IN_GENRE", *in_genre),
        relationship_table("PRODUCED_BY", film + made, first["Studio"] + favourites(made, of["studio"], studios)),
        relationship_table("MADE_IN", film + every, first["Country"] + favourites(every, of["country"],
                                                                                 len(COUNTRIES))),
        relationship_table("BORN_IN", first["Person"] + born, first["Country"] + _spread(born, of["home"])),
        relationship_table("SEQUEL_OF", film + later, film + later - 1),
        relationship_table("KNOWS", *_acquaintances(people, first["Person"], of["knows"])),
    ]


def _spread(rows: I64, seed: int) -> I64:
    return pick(rows, derive_seed(seed, "country"), len(COUNTRIES))


def _acquaintances(people: int, first: int, seed: int) -> tuple[I64, I64]:
    rows = numbers(people // 2)
    return without_twins(first + favourites(rows, derive_seed(seed, "from"), people),
                         first + favourites(rows, derive_seed(seed, "to"), people))
