"""Publish notices and record that they were shown."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Max

from subjects.models import Notice, NoticeView
from subjects.purposes import EXPLANATIONS


@transaction.atomic
def publish_notice(
    *,
    operator_id: UUID,
    title: str,
    text: str,
    language: str = "en",
    purposes: Mapping[str, str] | None = None,
    version: int | None = None,
) -> Notice:
    """Put a notice in force; consents given under older versions stay as they are.

    Args:
        purposes: what the notice says about each purpose; nobody can consent to one that is missing.
        version: an existing version, to add a translation to it; None begins the next one.
    """
    explained = {str(purpose): said for purpose, said in (EXPLANATIONS if purposes is None else purposes).items()}
    if version is None:
        version = _next_version(operator_id)
    return Notice.objects.create(
        operator_id=operator_id, version=version, language=language, title=title, text=text, purposes=explained,
        sha256=_digest(language, title, text, explained),
    )  # fmt: skip


def show_notice(
    *, operator_id: UUID, notice: Notice, channel: str, at: datetime, screen_id: UUID | None = None
) -> NoticeView:
    """Record that a notice was on a screen."""
    return NoticeView.objects.create(
        operator_id=operator_id, notice=notice, channel=channel, screen_id=screen_id, at=at
    )  # fmt: skip


def forget_notice_views(*, operator_id: UUID, before: datetime) -> int:
    """Delete the proofs older than ``before``; return how many there were."""
    return NoticeView.objects.filter(operator_id=operator_id, at__lt=before).delete()[0]


def _next_version(operator_id: UUID) -> int:
    with connection.cursor() as cursor:  # two members publishing at once would take the same number
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('notice:' || %s, 0))", [str(operator_id)])
    newest: int | None = Notice.objects.filter(operator_id=operator_id).aggregate(newest=Max("version"))["newest"]
    return (newest or 0) + 1


def _digest(language: str, title: str, text: str, purposes: Mapping[str, str]) -> str:
    return hashlib.sha256(orjson.dumps([language, title, text, purposes], option=orjson.OPT_SORT_KEYS)).hexdigest()
