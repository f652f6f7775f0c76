"""The product from Python: one call exports if needed, generates, loads and tells the checks; knows no terminal."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from importer.admission import admit_if_agreed
from importer.online import OnlineOptions
from importer.operations import load, rollback
from importer.quotas import used_this_month
from importer.requests import check_mode
from importer.resilience import Resilience, find_resilience
from importer.rollback import list_operations_in_database
from importer.scaling.reading import read_scaling
from importer.scaling.settings import Scaling
from importer.schema_choice import choose_schema
from importer.servers.targets import find_target
from importer.settle import settle_at
from importer.validate import Check
from synthgen.admission import generate_if_agreed
from synthgen.bundle.elsewhere import find_store
from synthgen.bundle.read import Bundle
from synthgen.config import base_folder, out_folder
from synthgen.database import Address, connect, find_address
from synthgen.errors import (
    LoadFailedError,
    RefusedError,
    SnapshotError,
    StoppedHalfwayError,
    SynthError,
)
from synthgen.events import QUIET, Listener, Stream
from synthgen.generate import Prepared, prepare, profile_for_export, stamp_of
from synthgen.limits import Limits, read_limits
from synthgen.parameters import (
    Parameters,
    RandomParameters,
    ScenarioParameters,
    TemplateParameters,
    check_random_config,
)
from synthgen.privacy.request import AS_IT_IS, Privacy
from synthgen.progress import Progress
from synthgen.snapshot.export import digest_database, export_snapshot
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.schema import read_schema
from synthgen.templates.file import read_template

DEFAULT_SEED = 0


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What became of one operation.

    Attributes:
        operation_id: By which it can be validated and rolled back.
        success: Whether it is in the database, and valid if that was checked.
        resources_created: Resources in the database now; 0 when it was undone or stopped half-way.
        relationships_created: Likewise.
        duration_seconds: From the call to its end.
        validation: Every check that its load ended with.
        rolled_back: Whether the operation was taken out again because it failed.
        error: Why it failed, with the way out.
        bundle: The operation's folder.
    """

    operation_id: str
    success: bool
    resources_created: int
    relationships_created: int
    duration_seconds: float
    validation: tuple[Check, ...]
    rolled_back: bool
    error: str | None
    bundle: Path


class ScaleUpService:
    """Grows the graph in a database, and shrinks it again.

    Without an address it uses NEO4J_URI and its like, `synthgen.toml`, or the local server of `importer server start`.

    Args:
        uri: Bolt or neo4j address.
        user: Database user.
        password_file: File with the password; NEO4J_PASSWORD works too.
        database: Database name.
        out: Folder of everything generated; `out` by default.
        base: The base snapshot; `base` in the out folder by default. Made when missing, and anew when the base part of
            the database is no longer what it says.
        mode: `online` or `offline`.
        profile: `azure`, `auto` or a TOML file.
        privacy: How much of the base may be seen in what is made; all of it by default.
        indexes: Whether loads create the product's own indexes, where they are missing.
        validation_enabled: Whether results tell the checks of validation, with which a load ends in any case.
        scaling: How online loads adapt batch rows and writers; by default what `[scaling]` of synthgen.toml says.
        resilience: Retries, circuit breaker, time limits and rate limit of online loads and rollbacks; by default what
            `[resilience]` of synthgen.toml says.
        files: The URL that parts go to instead of the out folder, such as `s3://bucket/prefix`.
        limits: How much may be made and loaded; by default as the settings say. More is a `RefusedError`, before
            anything is written.
        approve: Is asked, as a question, about what is above the thresholds for approval; without it, or when it says
            no, that is a `RefusedError` as well.
        on_event: Told what goes on, as `synthgen.events` has it, in the thread where it happens. What it raises ends
            the call with a `ListenerError`, as an interrupt would.
    """

    def __init__(
        self,
        uri: str | None = None,
        *,
        user: str | None = None,
        password_file: Path | None = None,
        database: str | None = None,
        out: Path | None = None,
        base: Path | None = None,
        mode: str = "online",
        profile: str | None = None,
        privacy: Privacy = AS_IT_IS,
        indexes: bool = True,
        validation_enabled: bool = True,
        scaling: Scaling | None = None,
        resilience: Resilience | None = None,
        files: str | None = None,
        limits: Limits | None = None,
        approve: Callable[[str], bool] | None = None,
        on_event: Listener | None = None,
    ) -> None:
        self._find_address: Callable[[], Address] = partial(
            find_address, uri=uri, user=user, password_file=password_file, database=database, out=out)
        self._find_target = partial(find_target, out=out)
        self._out = out_folder(out)
        self._base = base_folder(base, out)
        self._mode = check_mode(mode)
        self._profile = profile
        self._privacy = privacy
        self._indexes = indexes
        self._validation_enabled = validation_enabled
        self._scaling = read_scaling() if scaling is None else scaling
        self._resilience = find_resilience() if resilience is None else resilience
        self._files = None if files is None else find_store(files)
        self._limits = read_limits() if limits is None else limits
        self._approve = approve
        self._events = QUIET if on_event is None else Stream(on_event)

    async def scale_up_template(
        self,
        tenant_id: str | None = None,
        scale_factor: float | None = None,
        resource_types: Sequence[str] | None = None,
        *,
        target_count: int | None = None,
        template_file: Path | None = None,
        seed: int = DEFAULT_SEED,
    ) -> OperationResult:
        """Copy resources, `scale_factor` - 1 times or `target_count` of them, or what a template file says.

        Raises:
            SynthError: The call is wrong or nothing could be begun. Once something was, the result says how it went.
        """
        return await self._run(TemplateParameters(
            scale_factor=scale_factor, target_count=target_count,
            template=None if template_file is None else read_template(template_file),
            resource_types=tuple(resource_types or ()), tenant=tenant_id), seed)

    async def scale_up_scenario(
        self,
        tenant_id: str | None = None,
        scenario: str | Path = "hub-spoke",
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = DEFAULT_SEED,
    ) -> OperationResult:
        """Build a topology: a shipped scenario by name, or a file of yours by path; see `grow_scenario`.

        Raises as `scale_up_template`.
        """
        return await self._run(ScenarioParameters(scenario=str(scenario), parameters=params or {}, tenant=tenant_id),
                               seed)

    async def scale_up_random(
        self,
        tenant_id: str | None = None,
        target_count: int = 0,
        config: Mapping[str, Any] | None = None,
    ) -> OperationResult:
        """Make `target_count` random resources; see `grow_random`. Raises as `scale_up_template`.

        `config` may hold `resource_type_distribution`, `relationship_density` and `seed`.
        """
        checked = check_random_config(config or {}, "config")
        return await self._run(RandomParameters(
            count=target_count, distribution=checked.get("resource_type_distribution"),
            density=checked.get("relationship_density"), tenant=tenant_id), checked.get("seed", DEFAULT_SEED))

    async def rollback_operation(self, operation_id: str) -> int:
        """Delete an operation from the database and give the number of nodes deleted.

        Raises:
            UsageError: The database does not know the operation.
            LoadFailedError: It could not be done; it can be repeated.
        """
        address = self._find_address()
        done = await asyncio.to_thread(rollback, self._out, operation_id, address, target=self._find_target(address),
                                       resilience=self._resilience, events=self._events)
        return int(done.facts["nodes"])

    async def _run(self, parameters: Parameters, seed: int) -> OperationResult:
        return await asyncio.to_thread(self._run_now, parameters, seed)

    def _run_now(self, parameters: Parameters, seed: int) -> OperationResult:
        began = time.monotonic()
        address = self._find_address()
        settle_at(self._find_target(address))
        self._refresh_base(address)
        bundle = self._generate(parameters, seed, address)
        try:
            # Whoever agreed to what is generated agreed to its load.
            done = load(
                bundle, address, mode=self._mode, base=self._base, target=self._find_target(address),
                indexes=self._indexes, options=OnlineOptions(self._scaling, self._resilience), events=self._events,
                admit=admit_if_agreed(bundle, address, mode=self._mode, limits=self._limits, agree=lambda _: True))
        except (LoadFailedError, StoppedHalfwayError) as error:
            return _result(bundle, began, error=error, rolled_back=bool(error.facts.get("undone")),
                           validation=self._told(Check(**one) for one in error.facts.get("checks", ())))
        return _result(bundle, began, loaded=True, validation=self._told(done.checks))

    def _told(self, checks: Iterable[Check]) -> tuple[Check, ...]:
        return tuple(checks) if self._validation_enabled else ()

    def _generate(self, parameters: Parameters, seed: int, address: Address) -> Bundle:
        now = _now()
        stamp = stamp_of(parameters, now=now, unique=secrets.randbits(32))
        used = used_this_month(self._out, address, now=now, without=stamp.operation_id) \
            if self._limits.has_quota else None

        def prepare_it(progress: Progress) -> Prepared:
            return prepare(parameters, stamp, base=self._base, seed=seed, profile=self._profile,
                           privacy=self._privacy, progress=progress)

        return generate_if_agreed(
            stamp, prepare_it, self._out, limits=self._limits, agree=self._approve, used=used,
            now=lambda: _now().isoformat(), events=self._events, files=self._files).bundle

    def _refresh_base(self, address: Address) -> None:
        """Export the base, unless the snapshot at hand is what the base part of the database still is."""
        try:
            snapshot = open_snapshot(self._base)
        except SnapshotError:
            if self._base.exists():
                raise
            snapshot = None
        if snapshot is not None:
            with connect(address) as driver:
                without = set(list_operations_in_database(driver, address.database)) - set(snapshot.operations)
                found = digest_database(driver, address, without=without, progress=self._events.progress)
                # An offline load replaces the schema as well.
                changes = choose_schema(snapshot.schema).find_differences(read_schema(driver, address)) \
                    if self._mode == "offline" else []
            if found.digest == snapshot.digest and not changes:
                return
            if without:
                raise RefusedError(
                    f"the base part of {address.uri} has changed since the snapshot in {self._base}, on which"
                    f" {len(without)} loaded operations rest", hint="roll them back, or give another base folder",
                    operations=sorted(without))
        export_snapshot(address, self._base, now=_now(), profile=profile_for_export(self._profile),
                        replace=snapshot is not None, events=self._events)


def _result(
    bundle: Bundle, began: float, *, error: SynthError | None = None, loaded: bool = False, rolled_back: bool = False,
    validation: tuple[Check, ...] = (),
) -> OperationResult:
    counts = bundle.manifest.counts
    return OperationResult(
        operation_id=bundle.manifest.operation_id, success=error is None,
        resources_created=counts.resources if loaded else 0,
        relationships_created=counts.relationships if loaded else 0,
        duration_seconds=time.monotonic() - began, validation=validation, rolled_back=rolled_back,
        error=None if error is None else f"{error.message} ({error.hint})" if error.hint else error.message,
        bundle=bundle.path,
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
