"""Files of queries: whatever stands in quotes and comments, each query comes back whole and alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.queries.statements import Query, parse_queries, queries_text
from synthgen.errors import UsageError

SIGNS = st.text(";/*'\"`\\ \nab$|é:", max_size=12)


def quoted(mark: str) -> st.SearchStrategy[str]:
    """Make texts in quotes, as Cypher writes them."""
    if mark == "`":
        return SIGNS.map(lambda text: f"`{text.replace('`', '``')}`")
    return SIGNS.map(lambda text: mark + text.replace("\\", "\\\\").replace(mark, f"\\{mark}") + mark)


WORDS = st.sampled_from(["MATCH (n)", "RETURN 4/2", "$id", "{a: 1}", "\n", "  ", "/", "-[*1..3]->"])
COMMENTS = SIGNS.map(lambda text: f"/*{text.replace('*/', '')}x*/") | SIGNS.map(
    lambda text: f"// {text.replace(chr(10), '')}\n")
CODE = WORDS | quoted("'") | quoted('"') | quoted("`")
SEEN = CODE.filter(str.strip)
TEXTS = st.tuples(SEEN, st.lists(CODE | COMMENTS, max_size=5), SEEN).map(
    lambda parts: " ".join([parts[0], *parts[1], parts[2]]))
NAMES = st.from_regex(r"[a-z0-9;'`é][a-z0-9;'`é :/]{0,8}[a-z0-9;'`é]", fullmatch=True)
PARAMETERS = st.none() | st.lists(
    st.from_regex(r"[A-Z$(;'][A-Z$(;' ]{0,8}[A-Z$(;']", fullmatch=True), min_size=1, max_size=3).map("\n".join)
FILES = st.lists(st.builds(Query, NAMES, TEXTS, PARAMETERS), min_size=1, max_size=5, unique_by=lambda query: query.name)


@given(FILES)
@example([Query("a", "RETURN ';' AS `b;``c`, \"\\\";\" /* ; */ AS d")])
def test_queries_that_are_written_come_back(queries):
    """Names, texts and parameters, in order."""
    assert list(parse_queries(queries_text(queries), "a file")) == queries


@given(st.lists(TEXTS, min_size=1, max_size=5), COMMENTS)
def test_what_is_joined_is_parted_again(texts, comment):
    """Also without names, with comments and spaces between, and without the last semicolon."""
    text = f"\n{comment} ;\n{comment} ".join(["", *texts])
    found = parse_queries(text, "a file")
    assert [query.cypher for query in found] == texts
    assert [query.name for query in found] == [f"query {number}" for number in range(1, len(texts) + 1)]
    for query in found:
        assert text.splitlines()[query.line - 1].strip()


@given(st.sampled_from(["'", '"', "`", "/*"]), st.text("ab;\n ", max_size=5))
def test_what_does_not_end_is_refused_by_line(mark, text):
    """The line is that on which it begins."""
    with pytest.raises(UsageError, match=r"^mine\.cypher:3: .* does not end"):
        parse_queries(f"RETURN 1;\n\nRETURN {mark}{text}", "mine.cypher")
