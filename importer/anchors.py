"""Finds in a database, by content, the base nodes that a bundle's relationships end on; pure."""

from __future__ import annotations

import polars as pl

from synthgen.bundle.read import Bundle, read_anchors
from synthgen.errors import RefusedError
from synthgen.snapshot.digest import hex_digests
from synthgen.snapshot.export import DatabaseDigest


def find_anchors(bundle: Bundle, found: DatabaseDigest) -> pl.DataFrame:
    """Find the internal id of every base node that the bundle is tied to.

    Nodes whose content and neighbourhood are the same cannot be told apart, and need not be: the first anchor gets the
    first of them.

    Returns:
        `node` (the snapshot's node number), `id` (internal id), both Int64.

    Raises:
        RefusedError: One of them is not there any more.
    """
    anchors = read_anchors(bundle).with_columns(twin=pl.int_range(pl.len()).over("digest"))
    there = pl.DataFrame({"id": found.ids, "digest": hex_digests(found.node_digests)},
                         schema={"id": pl.Int64, "digest": pl.String})
    # In order of internal ids, so that a load that goes on finds the same twins again.
    there = there.filter(pl.col("digest").is_in(anchors["digest"].unique().implode())).sort("id").with_columns(
        twin=pl.int_range(pl.len()).over("digest"))
    joined = anchors.join(there, on=["digest", "twin"], how="left", maintain_order="left")
    missing = joined.filter(pl.col("id").is_null())
    if missing.height:
        raise RefusedError(
            f"{missing.height:,} of the {anchors.height:,} base nodes that {bundle.manifest.operation_id} is tied to"
            " are not in the database as the snapshot has them",
            hint="export again and generate from the new snapshot", missing=missing.height,
        )
    return joined.select("node", "id")
