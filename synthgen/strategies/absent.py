"""Resources of types that the base has none of: sane defaults, in containers and at locations like the base's; pure.

Resources of the base that stand directly in a container lend their places. Whole containers of them are copied, as
often as needed, and a resource of a new type stands where each copy would: so a container holds as many as the base's
do, and as many are tied to a location. Which type stands in which place is spread evenly by arithmetic. Of the original
nothing else is taken over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import CloneGroup, Clones, Lift, Tie, group_by_table, lift_relationships, make_groups
from synthgen.containment import Containment
from synthgen.cutting import Cutting, identifiers_of
from synthgen.errors import UsageError
from synthgen.growth import NodeBlock
from synthgen.numbering import Numbering
from synthgen.pieces import Cuts
from synthgen.profile import Role
from synthgen.renaming import Renaming
from synthgen.seeding import I64, derive_seed, shuffled
from synthgen.strategies.passes import Pass
from synthgen.templates.counting import NO_KIND, CloneCounting, Shuffle
from synthgen.templates.naming import Marking
from synthgen.templates.overrides import SUBSCRIPTION_ID, Overrides
from synthgen.templates.regions import place_types, relocate
from synthgen.templates.shares import Shares

_PROVIDERS = "/providers/"


def labels_of_new_types(
    base: Base, types: Sequence[str], extra: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Give the label set of resources of each type.

    Where the profile has a property for types they are labelled as most resources are; else the type says the labels.

    Raises:
        UsageError: A type is no label set, or has a protected label.
    """
    resources = [table for table in base.nodes if table.role is Role.RESOURCE]
    usual = max(resources, key=lambda table: table.frame.height).labels if resources else ()
    found: dict[str, tuple[str, ...]] = {}
    for type_ in types:
        own = usual if base.profile.type is not None else (*base.profile.resource_labels, *type_.split(":"))
        labels = tuple(sorted({*own, *extra.get(type_, ())}))
        check_labels(base, type_, labels, told_by=own if base.profile.type is None else None)
        found[type_] = labels
    return found


def check_labels(base: Base, type_: str, labels: tuple[str, ...], *, told_by: tuple[str, ...] | None = None) -> None:
    """Check that resources may have these labels; `told_by` are those that their type is told by, if it is.

    Raises:
        UsageError: One is empty or protected, or the type would be another.
    """
    if told_by is not None and set(labels) != set(told_by):
        raise UsageError(f"resources of type {type_!r} cannot have other labels: their labels are their type",
                         hint="leave `labels` out, or name a type of its own", type=type_)
    if not all(labels) or base.profile.role(labels) is Role.PROTECTED:
        raise UsageError(f"resources of type {type_!r} cannot be made with the labels {':'.join(labels)!r}",
                         hint="a label is not empty and not one of the profile's protected_labels", type=type_)


def absent_passes(
    base: Base, around: Mask, shares: Shares, labels: Mapping[str, tuple[str, ...]], *,
    operation_id: str, seed: int, first: int, counted: Mapping[int, int], with_source: bool,
) -> list[Pass]:
    """Make resources of types that the base has none of.

    Args:
        base: The base.
        around: The resources that may lend their places.
        shares: How many there are of each type, and what a template file says of them.
        labels: The label set of each type to make here.
        operation_id: Whose ids these are.
        seed: Of everything drawn.
        first: Import id of the first node.
        counted: How many containers were named before, by their kind.
        with_source: Whether copied containers record what they are copies of.
    """
    passes: list[Pass] = []
    for label_set in sorted(set(labels.values())):
        made = [type_ for type_, own in labels.items() if own == label_set and shares.totals[type_]]
        if made:
            absent = _Absent(base, around, shares, made, label_set, first=first, counted=counted,
                             operation_id=operation_id, seed=seed)
            passes.append(absent.result(with_source=with_source))
            first += passes[-1].rows
            counted = passes[-1].counted
    return passes


class _AbsentCounting:
    """Numbers resources by type: the places are shuffled, and each type has as many of them as it needs."""

    def __init__(self, clones: Clones, group: CloneGroup, kinds: Sequence[int], totals: Sequence[int], *,
                 containers: CloneCounting, seed: int) -> None:
        self._group = group
        self._rank = clones.rank
        self._kinds = np.array(kinds, np.int64)
        self._firsts: I64 = np.cumsum([0, *totals])[:-1]
        self._shuffle = Shuffle(sum(totals), seed)
        self._is_model: Mask = np.zeros(len(clones.rank), np.bool_)
        self._is_model[group.members] = True
        self._containers = containers

    @property
    def counted(self) -> Mapping[int, int]:
        """How many there are of each kind, those of the passes before included."""
        return self._containers.counted

    def place(self, nodes: I64, copies: I64) -> tuple[I64, I64]:
        """Give the kind of each clone, -1 for none, and its number."""
        kinds, numbers = self._containers.place(nodes, copies)
        models = self._is_model[nodes]
        place = self._shuffle.to(np.where(models, copies * len(self._group.members) + self._rank[nodes], 0))
        at = np.searchsorted(self._firsts, place, side="right") - 1
        return np.where(models, self._kinds[at], kinds), np.where(models, place - self._firsts[at], numbers)

    def import_ids(self, kind: int, numbers: I64) -> I64:
        """Find the clones of a kind with these numbers."""
        if kind not in self._kinds:
            return self._containers.import_ids(kind, numbers)
        at = int(np.flatnonzero(self._kinds == kind)[0])
        return self._group.first + self._shuffle.back(self._firsts[at] + numbers)

    def kinds_of(self, nodes: I64) -> list[int]:
        """Name the kinds that clones of these nodes may be of."""
        models = self._kinds.tolist() if self._is_model[nodes].any() else []
        return [*models, *self._containers.kinds_of(nodes)]


class _Absent:
    def __init__(
        self, base: Base, around: Mask, shares: Shares, types: Sequence[str], labels: tuple[str, ...], *, first: int,
        counted: Mapping[int, int], operation_id: str, seed: int,
    ) -> None:
        self._base = base
        self._shares = shares
        self._types = types
        self._labels = labels
        # Copies of a container that are made for another reason have another token.
        self._operation = f"{operation_id} {':'.join(labels)}"
        self._seed = derive_seed(seed, "absent", *labels)
        self._containment = Containment(base)
        totals = [shares.totals[type_] for type_ in types]
        models = self._models(around, sum(totals))
        whole, extra = divmod(sum(totals), len(models))
        groups = [(int(base.table_of[models[0]]), models, whole, extra)]
        groups += group_by_table(base, self._containment.containers_of(_mark(base, models)),
                                 self._containment.containers_of(_mark(base, models[:extra])), whole)
        self._clones = Clones(base, make_groups(groups, first=first), self._containment)
        self._group = self._clones.groups[0]
        kind_of = np.where(base.having(Role.CONTAINER), shares.containers, NO_KIND)
        containers = CloneCounting(self._clones, kind_of, counted)
        kinds = [shares.types.index(type_) for type_ in types]
        self._counting = _AbsentCounting(self._clones, self._group, kinds, totals, containers=containers,
                                         seed=self._seed)
        moving = any(share.entry.location for kind in kinds for share in shares.of(kind))
        self._overrides = Overrides(
            base, self._clones, shares, counting=self._counting, kind_of=kind_of,
            relocated=_mark(base, models) if moving else np.zeros(base.size, np.bool_),
            labels={self._group.first: labels})

    def result(self, *, with_source: bool) -> Pass:
        """Make the resources and the containers around them."""
        base, clones = self._base, self._clones
        lifts, _ = lift_relationships(base, clones, seed=self._seed, containment=Tie.SAME, others=Tie.SAME)
        moved = relocate(base, self._kept(lifts), self._overrides)
        cutting = Cutting(base, clones, self._containment, Numbering(base, clones, others=Tie.SAME, seed=self._seed),
                          identifiers=identifiers_of(base, clones),
                          given=self._overrides.names)
        renaming = Renaming(base, clones, cutting, operation_id=self._operation, seed=self._seed)
        nodes = [self._retyped(renaming.block(self._group, with_source=False), renaming)]
        nodes += [renaming.block(group, with_source=with_source) for group in clones.groups[1:]]
        return Pass(
            nodes=[self._overrides.block(block, group) for block, group in zip(nodes, clones.groups, strict=True)],
            lifts=moved.lifts, blocks=moved.blocks, nowhere=moved.left_out, groups=clones.groups, renaming=renaming,
            labels={self._group.first: self._labels}, counting=self._counting)

    def _models(self, around: Mask, wanted: int) -> I64:
        """Choose the resources that lend their places, container by container, at most as many as are wanted."""
        base, parent = self._base, self._containment.parent
        held = around & base.having(Role.CONTAINER)[parent]
        lenders: I64 = np.flatnonzero(held if held.any() else around)
        if not len(lenders):
            raise UsageError("the base has no resources that show where new ones belong",
                             hint="check the profile (--profile), or --include-synthetic if all of them are synthetic")
        lenders = lenders[base.table_of[lenders] == np.bincount(base.table_of[lenders]).argmax()]
        rank = np.zeros(base.size, np.int64)
        containers = np.unique(parent[lenders])
        rank[containers] = shuffled(len(containers), self._seed)
        return lenders[np.argsort(rank[parent[lenders]], kind="stable")][:wanted]

    def _kept(self, lifts: Sequence[Lift]) -> list[Lift]:
        """Leave the ties of containers, and of resources those to what contains them and to where they are."""
        contains, places = self._base.profile.containment_types, place_types(self._base)
        return [lift for lift in lifts
                if (lift.table.type in places or lift.start_group is not self._group)
                and (lift.table.type in {*contains, *places} or lift.end_group is not self._group)]

    def _retyped(self, block: NodeBlock, renaming: Renaming) -> NodeBlock:
        base, group, profile = self._base, self._group, self._base.profile
        wanted = {profile.id, profile.type, profile.name_property, profile.location, profile.tenant, SUBSCRIPTION_ID,
                  *profile.container_names}
        types = {name: kind for name, kind in block.types.items() if name in wanted}
        types |= {name: "STRING" for name in (profile.type, profile.name_property) if name is not None}
        if profile.id is not None and any(profile.id in table.types for table in base.nodes):
            types.setdefault(profile.id, "STRING")
        ids = _Ids(base, group, self._containment, renaming) if types.get(profile.id or "") == "STRING" else None
        type_names = pl.Series(self._shares.types, dtype=pl.String)

        def make(start: int, stop: int) -> pl.DataFrame:
            copy, rank = np.divmod(np.arange(start, stop, dtype=np.int64), len(group.members))
            kinds, numbers = self._counting.place(group.members[rank], copy)
            made, of = block.make(start, stop), type_names[kinds]
            marking = np.full(len(rank), Marking.NONE) if ids is None else ids.marking[rank]
            names = self._overrides.names.of_new_types(group.members[rank], kinds, numbers, of, marking)
            columns: dict[str, pl.Series] = {name: made[name] for name in types if name in made.columns}
            if profile.type is not None:
                columns[profile.type] = of
            if profile.name_property is not None:
                columns[profile.name_property] = names
            if ids is not None and profile.id is not None:
                columns[profile.id] = ids.texts(rank, copy, of, names)
            return pl.DataFrame([columns[name].alias(name) for name in types])

        counts = {type_: self._shares.totals[type_] for type_ in sorted(self._types)}
        return replace(block, labels=self._labels, types=types, resource_types=counts, make=make)


class _Ids:
    """Ids below those of the copied containers, as Azure writes them where the base's are Azure's.

    Attributes:
        marking: Per rank, what the name at the end must have: nothing below a copied container, whose id no other
            operation has; a mark where only the type stands before it; where nothing does, a number as well.
    """

    def __init__(self, base: Base, group: CloneGroup, containment: Containment, renaming: Renaming) -> None:
        ids = base.texts(base.profile.id)
        container = containment.container[group.members]
        around = np.where(container >= 0, container, 0)
        paths = ids[around].str.contains("/", literal=True).fill_null(value=False).to_numpy()
        self._anchored: Mask = (container >= 0) & paths
        self._cuts: Cuts = renaming.ids_of(around)
        known = ids.filter(pl.Series(base.resources))
        azure = known.str.contains(_PROVIDERS, literal=True).any()
        self._between = f"{_PROVIDERS}{{}}/" if azure else "/{}/" if known.str.contains("/", literal=True).any() else ""
        self.marking: I64 = np.where(self._anchored, Marking.NONE, Marking.MARK if self._between else Marking.NUMBER)

    def texts(self, rank: I64, copy: I64, types: pl.Series, names: pl.Series) -> pl.Series:
        """Write the ids of some clones."""
        above = self._cuts.written(rank, copy).set(pl.Series(~self._anchored[rank]), "")
        between = pl.format(self._between, "type") if self._between else pl.lit("")
        return pl.DataFrame({"above": above, "type": types, "name": names}).select(
            pl.concat_str("above", between, "name")).to_series()


def _mark(base: Base, nodes: I64) -> Mask:
    marked: Mask = np.zeros(base.size, np.bool_)
    marked[nodes] = True
    return marked
