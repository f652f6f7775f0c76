"""Checks an operation in the database against its manifest, and the base part against its snapshot; changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import neo4j

from importer.beside import side_by_side
from importer.census import Census, take_census
from synthgen.bundle.manifest import Manifest
from synthgen.database import Address
from synthgen.errors import LoadFailedError, ValidationFailedError
from synthgen.profile import profile_from_document
from synthgen.progress import Progress, silent
from synthgen.snapshot.export import DatabaseDigest, digest_database


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and whether it holds; `expected` and `found` are numbers, texts or short lists of differences."""

    name: str
    passed: bool
    expected: Any
    found: Any


def validate(
    driver: neo4j.Driver, address: Address, manifest: Manifest, *, without: Collection[str], progress: Progress = silent
) -> list[Check]:
    """Check one operation.

    Args:
        driver: The connection.
        address: The database.
        manifest: What must be there.
        without: Every operation whose nodes do not belong to the base part, this one included.
        progress: Told while the base part is read.

    Returns:
        Every check, passed or not.
    """
    [census], found = count_and_digest(driver, address, [manifest], without=without, progress=progress)
    return [*compare(census, manifest), compare_base(found, manifest)]


def count_and_digest(
    driver: neo4j.Driver, address: Address, manifests: Sequence[Manifest], *, without: Collection[str] | None,
    progress: Progress = silent,
) -> tuple[list[Census], DatabaseDigest | None]:
    """Count some operations and, at the same time, compute the digest of what is left without others; not when None.

    Raises:
        ChangedMeanwhileError: The database was written to meanwhile.
    """

    def count(_: Progress) -> list[Census]:
        profiles = [profile_from_document(manifest.profile, "the manifest's profile") for manifest in manifests]
        return [take_census(driver, address, manifest, profile)
                for manifest, profile in zip(manifests, profiles, strict=True)]

    if without is None:
        return count(progress), None
    return side_by_side(
        count, lambda told: digest_database(driver, address, without=without, progress=told), progress)


def check_result(
    driver: neo4j.Driver, address: Address, manifests: Sequence[Manifest], *, digest: str | None,
    without: Collection[str], progress: Progress = silent,
) -> dict[str, tuple[Check, ...]]:
    """Check what a load or a restore has come to; the base part only where its `digest` is known.

    Returns:
        By operation id the checks that `validate` makes, all passed; nothing where the base part was not looked at.

    Raises:
        ValidationFailedError: What was loaded is not all there.
        LoadFailedError: The base part is not what it was.
    """
    censuses, found = count_and_digest(driver, address, manifests, without=None if digest is None else without,
                                       progress=progress)
    counted = [compare(census, manifest) for manifest, census in zip(manifests, censuses, strict=True)]
    for manifest, checks in zip(manifests, counted, strict=True):
        require(checks, manifest.operation_id)
    if found is None:
        return {}
    if found.digest != digest:
        raise LoadFailedError(f"after the load the base part's digest is {found.digest} instead of {digest}",
                              hint="report this: the load is undone", expected=digest, found=found.digest)
    return {manifest.operation_id: (*checks, compare_base(found, manifest))
            for manifest, checks in zip(manifests, counted, strict=True)}


def compare(census: Census, manifest: Manifest) -> list[Check]:
    """Compare what was counted in the database with what the manifest says."""
    counts = manifest.counts
    patterns = {(p.start, p.type, p.end): p.count for p in counts.patterns}
    found_patterns = {(p.start, p.type, p.end): p.count for p in census.patterns}
    return [
        _same("nodes", counts.nodes, census.nodes),
        _same("resources", counts.resources, census.resources),
        _same("relationships", counts.relationships, census.relationships),
        _same("nodes without the required metadata", 0, census.without_metadata),
        _same("nodes with a protected label", 0, census.protected_nodes),
        _same("relationships of a protected type", 0, census.protected_relationships),
        _same_counts("nodes by label", dict(counts.labels), census.labels),
        _same_counts("resources by type", dict(counts.resource_types), census.resource_types),
        _same_counts("relationships by type", dict(counts.types), census.types),
        _same_counts("relationships by pattern", patterns, found_patterns),
        _same("nodes without relationships", counts.isolated, census.isolated),
    ]


def compare_base(found: DatabaseDigest | None, manifest: Manifest) -> Check:
    """Compare the base part of the database with the snapshot that an operation was made of."""
    return _same("the base part's content digest", manifest.snapshot["digest"], found.digest if found else None)


def require(checks: list[Check], operation_id: str) -> None:
    """Raise when a check has not passed.

    Raises:
        ValidationFailedError: Names the first that failed; `facts["checks"]` has all.
    """
    failed = [check for check in checks if not check.passed]
    if failed:
        first = failed[0]
        raise ValidationFailedError(
            f"{operation_id}: {len(failed)} of {len(checks)} checks failed; {first.name}: expected {first.expected},"
            f" found {first.found}",
            hint="if the database was changed on purpose that is all right; else roll the operation back",
            operation_id=operation_id, checks=[as_document(check) for check in checks],
        )


def as_document(check: Check) -> dict[str, Any]:
    """Give a check as JSON has it."""
    return {"name": check.name, "passed": check.passed, "expected": check.expected, "found": check.found}


def _same(name: str, expected: Any, found: Any) -> Check:
    return Check(name, expected == found, expected, found)


def _same_counts(name: str, expected: dict[Any, int], found: dict[Any, int]) -> Check:
    differing = [key for key in sorted({*expected, *found}) if expected.get(key, 0) != found.get(key, 0)]
    if not differing:
        return Check(name, passed=True, expected=f"{len(expected)} kinds", found=f"{len(found)} kinds")
    shown = differing[:5]
    return Check(name, passed=False, expected={_key(key): expected.get(key, 0) for key in shown},
                 found={_key(key): found.get(key, 0) for key in shown})


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    start, type_, end = key
    return f"({':'.join(start)})-[{type_}]->({':'.join(end)})"
