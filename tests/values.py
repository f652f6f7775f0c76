"""Values of every property type, as frames hold them and in the server's own spelling; knows no graph."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = ("", " ", " leading", "trailing ", 'a "quoted" word', '"', '""', "it's", "a,b;c|d", "line\nbreak", "\r\n",
             "tab\there", "U+2028\u2028here", "\u0085", "null", "NaN", "true", "0", "-token-0", "{}", "$1", "\\", "\\n",
             "ünï𝄞", "\ufeffbom", "[1]", "#c", "=1+1", "a\x1fb", "\x1f", "nul\0here", "e\u0301", "${x}", "\x1b[0m")
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(st.characters(exclude_categories=("Cs",)), max_size=6))
integers = st.one_of(st.sampled_from((-(2**63), 2**63 - 1, 0, -1)), st.integers(-(2**63), 2**63 - 1))
floats = st.one_of(
    st.sampled_from((math.inf, -math.inf, math.nan, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1, 1e22)),
    st.floats(),
)
finite = st.floats(allow_nan=False, allow_infinity=False)

# ——— temporal values, as Neo4j's toString() spells them ———

_SECONDS_OF_DAY = 86_400
_MONTH_SECONDS = 2_629_746
"""A month as Neo4j counts it when it asks whether a duration is too long for 64 bits."""

ZONED = (
    "2026-03-29T03:30:00.5+02:00[Europe/Vienna]", "2024-10-27T02:30:00+01:00[Europe/Berlin]",
    "2024-10-27T02:30:00+02:00[Europe/Berlin]", "1800-01-01T00:00:00+00:53:28[Europe/Berlin]",
    "-0001-10-27T00:00:00+00:53:28[Europe/Berlin]", "+999999999-12-31T00:00:00+02:00[Europe/Kyiv]",
    "1883-12-31T02:30:01.000000007-00:43:08[Africa/Monrovia]", "-999999999-01-01T00:00:00-00:43:08[Africa/Monrovia]",
    "0000-10-27T02:30:01.000000007-04:23:08[America/Argentina/ComodRivadavia]",
    "1800-03-31T02:30:01+05:53:28[Asia/Kolkata]", "2024-03-31T04:30:01.000000007+02:00[Antarctica/Troll]",
    "9999-12-31T00:00:00+05:30[Asia/Calcutta]",
    "2024-03-31T02:30:01-05:00[Etc/GMT+5]", "1970-03-31T02:30:01.000000007Z[Etc/UCT]", "1800-10-27T02:30:01Z[GMT]",
    "1970-03-31T00:00:00Z[UTC]", "1970-01-01T02:30:01Z[GMT0]",
    "1969-10-27T02:30:01.000000007-05:00[SystemV/EST5]", "-9999-03-31T02:30:01-07:52:58[US/Pacific]",
    "+999999999-01-01T02:30:01.000000007Z[Universal]",
)
"""Both hours of an autumn night, times before there were time zones, zones by odd names, years at both ends."""


def _dates() -> st.SearchStrategy[str]:
    years = st.one_of(st.sampled_from((-999_999_999, -1, 0, 1, 9999, 10_000, 999_999_999)),
                      st.integers(-999_999_999, 999_999_999), st.integers(1, 9999))
    days = st.dates(date(2023, 1, 1), date(2024, 12, 31)).map(lambda day: f"{day:%m-%d}")
    return st.builds(_date_text, years, days)


def _date_text(year: int, day: str) -> str:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{'02-28' if day == '02-29' and not leap else day}"


def _local_times() -> st.SearchStrategy[str]:
    nanoseconds = st.one_of(st.sampled_from((0, 1, 999_999_999, 500_000_000)), st.integers(0, 999_999_999))
    return st.builds(lambda seconds, nanos: _clock(seconds) + _fraction(nanos),
                     st.integers(0, _SECONDS_OF_DAY - 1), nanoseconds)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""


def _offsets() -> st.SearchStrategy[str]:
    """Offsets of whole quarters, of minutes, and of seconds, up to 18 hours."""
    quarters = st.integers(-72, 72).map(lambda quarters: quarters * 900)
    seconds = st.one_of(quarters, st.sampled_from((0, 64_800, -64_800)), st.integers(-64_800, 64_800))
    return seconds.map(_offset)


def _offset(seconds: int) -> str:
    if not seconds:
        return "Z"
    text = _clock(abs(seconds))
    return ("-" if seconds < 0 else "+") + (text if seconds % 60 else text[:5])


def _durations() -> st.SearchStrategy[str]:
    small, any_size = st.integers(-20, 20), st.integers(-(2**62), 2**62)
    nanoseconds = st.one_of(st.sampled_from((0, 1, 999_999_999)), st.integers(0, 999_999_999))
    return st.one_of(
        st.builds(_duration, small, small, st.integers(-100_000, 100_000), nanoseconds),
        st.builds(_duration, st.integers(-(10**11), 10**11), st.integers(-(10**12), 10**12), any_size, nanoseconds)
    ).filter(bool)


def _duration(months: int, days: int, seconds: int, nanoseconds: int) -> str:
    """Spell a duration; nothing for one that Neo4j finds too long."""
    if abs(months * _MONTH_SECONDS + days * _SECONDS_OF_DAY + seconds) >= 2**63 - 1:
        return ""
    if seconds < 0 < nanoseconds:
        seconds, nanoseconds = seconds + 1, nanoseconds - 10**9
    sign = -1 if seconds < 0 or nanoseconds < 0 else 1
    seconds, nanoseconds = abs(seconds), abs(nanoseconds)
    last = f"{'-' * (sign < 0)}{seconds % 60}{_fraction(nanoseconds)}S"
    time = "".join(f"{sign * count}{unit}"
                   for count, unit in ((seconds // 3600, "H"), (seconds // 60 % 60, "M")) if count)
    time += last * bool(seconds % 60 or nanoseconds)
    whole = -1 if months < 0 else 1
    day = "".join(f"{count}{unit}" for count, unit in (
        (whole * (abs(months) // 12), "Y"), (whole * (abs(months) % 12), "M"), (days, "D")) if count)
    return f"P{day}" + f"T{time}" * bool(time) if day or time else "PT0S"


# ——— points ———


def _points() -> st.SearchStrategy[str]:
    degrees = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
    return st.one_of(
        st.builds(_point, st.just(7203), st.tuples(finite, finite)), st.builds(_point, st.just(4326), degrees),
        st.builds(_point, st.just(9157), st.tuples(finite, finite, finite)),
        st.builds(lambda flat, height: _point(4979, (*flat, height)), degrees, finite))


def _point(srid: int, axes: tuple[float, ...]) -> str:
    return f"{{srid:{srid}," + ",".join(f"{axis}:{value!r}" for axis, value in zip("xyz", axes, strict=False)) + "}"


# ——— all of them ———

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    "INTEGER": integers,
    "FLOAT": floats,
    "STRING": texts,
    "DATE": _dates(),
    "LOCAL TIME": _local_times(),
    "ZONED TIME": st.builds(lambda time, offset: time + offset, _local_times(), _offsets()),
    "LOCAL DATETIME": st.builds(lambda day, time: f"{day}T{time}", _dates(), _local_times()),
    "ZONED DATETIME": st.one_of(st.sampled_from(ZONED), st.builds(
        lambda day, time, offset: f"{day}T{time}{offset}", _dates(), _local_times(), _offsets())),
    "DURATION": _durations(),
    "POINT": _points(),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **SCALARS,
    **{f"LIST<{kind}>": st.lists(values, max_size=3) for kind, values in SCALARS.items()},
    "BYTES": st.binary(max_size=4),
}
"""Values of each property type of FORMAT.md but vectors, as frames hold them; never null."""
