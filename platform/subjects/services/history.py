"""Remember what people engaged with."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from django.db import connection

LENGTH = 50

_REMEMBER = """
INSERT INTO subjects_profile (subject_id, operator_id, recent, updated_at)
SELECT subject.id, subject.operator_id, news.recent, news.at
FROM jsonb_to_recordset(%(news)s::jsonb) AS news (subject_id uuid, recent jsonb, at timestamptz)
JOIN subjects_subject subject ON subject.id = news.subject_id AND subject.operator_id = %(operator_id)s
JOIN subjects_consent consent ON consent.subject_id = subject.id AND consent.operator_id = subject.operator_id
WHERE consent.purpose = 'personalise' AND consent.state = 'given' AND consent.expires_at > news.at
ON CONFLICT (subject_id) DO UPDATE SET
    updated_at = greatest(subjects_profile.updated_at, excluded.updated_at),
    recent = (
        SELECT jsonb_agg(item ORDER BY (item ->> 2)::bigint DESC)
        FROM (
            SELECT item FROM jsonb_array_elements(excluded.recent || subjects_profile.recent) AS item
            ORDER BY (item ->> 2)::bigint DESC LIMIT %(length)s
        ) AS newest
    )
"""


def remember(*, operator_id: UUID, entries: Sequence[tuple[UUID, str, str, datetime]]) -> int:
    """Add engagements to the histories of those who consented to ``personalise``; others are left out by the query.

    Args:
        entries: (subject, creative's public id, category, when), in any order; late ones find their place by time.

    Returns:
        How many histories changed. One statement, however many entries.
    """
    if not entries:
        return 0
    with connection.cursor() as cursor:
        news = orjson.dumps(list(_news(entries))).decode()
        cursor.execute(_REMEMBER, {"operator_id": operator_id, "news": news, "length": LENGTH})
        return int(cursor.rowcount)


def _news(entries: Iterable[tuple[UUID, str, str, datetime]]) -> Iterable[dict[str, object]]:
    newest: dict[UUID, list[tuple[UUID, str, str, datetime]]] = {}
    for entry in sorted(entries, key=lambda entry: entry[3], reverse=True):
        newest.setdefault(entry[0], []).append(entry)
    for subject_id, items in newest.items():
        recent = [[creative, category, round(at.timestamp() * 1000)] for _, creative, category, at in items[:LENGTH]]
        yield {"subject_id": subject_id, "recent": recent, "at": items[0][3]}
