"""The columns of an exported log."""

from __future__ import annotations

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("viewer", pa.string()),
        pa.field("creative", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("advertiser", pa.string()),
        pa.field("screen", pa.string(), nullable=False),
        pa.field("venue", pa.string(), nullable=False),
        pa.field("venue_category", pa.string(), nullable=False),
        pa.field("scene", pa.string(), nullable=False),
        pa.field("hour", pa.int8(), nullable=False),
        pa.field("weekday", pa.int8(), nullable=False),
        pa.field("position", pa.int16(), nullable=False),
        pa.field("party", pa.int16(), nullable=False),
        pa.field("propensity", pa.float64()),
        pa.field("history_creatives", pa.list_(pa.string()), nullable=False),
        pa.field("history_categories", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("view", pa.int8()),
        pa.field("dwell_seconds", pa.float32()),
        pa.field("touch", pa.int8()),
        pa.field("scan", pa.int8()),
        pa.field("conversion", pa.int8()),
    ]
)
"""What the export writes; integers of any width and large strings are read as well."""

TASKS = ("view", "dwell_seconds", "touch", "scan", "conversion")
"""Labels of single tasks beside `label`: null where nobody could tell; a log may lack these columns."""

LISTS = {"history_creative": "history_creatives", "history_category": "history_categories"}
"""The column of each history."""


def compatible(found: pa.DataType, expected: pa.DataType) -> bool:
    """Tell whether a column of one type may stand for a column of another."""
    if pa.types.is_list(expected):
        return (pa.types.is_list(found) or pa.types.is_large_list(found)) and compatible(
            found.value_type, expected.value_type
        )
    if pa.types.is_string(expected):
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_null(found))
    if pa.types.is_timestamp(expected):
        return bool(pa.types.is_timestamp(found) and found.tz is not None)
    if pa.types.is_integer(expected):
        return bool(pa.types.is_integer(found) or pa.types.is_null(found))
    return bool(pa.types.is_floating(found) or pa.types.is_null(found))
