"""Raise, renew and resolve alerts about the champion. Callers have entered the operator's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from audit.services import record
from training.drift.findings import Finding
from training.models import Alert

ACTOR = "system:watch"


@transaction.atomic
def settle(*, operator_id: UUID, version_id: UUID, findings: Sequence[Finding], at: datetime) -> dict[str, int]:
    """Make the open alerts those of the findings: new ones are raised, known ones renewed, the others resolved.

    Raising and resolving are audited; renewing is not, and neither is a changed severity, which the alert shows.
    """
    _lock(operator_id)
    still_open = {(alert.kind, alert.subject): alert for alert in Alert.objects.filter(
        operator_id=operator_id, resolved_at=None
    )}  # fmt: skip
    found = {(finding.kind, finding.subject): finding for finding in findings}
    for key, finding in found.items():
        if key in still_open:
            _renew(still_open[key], finding, version_id, at)
        else:
            _raise(operator_id, finding, version_id, at)
    gone = [alert for key, alert in still_open.items() if key not in found]
    for alert in gone:
        _resolve(alert, at)
    return {"raised": len(found.keys() - still_open.keys()), "open": len(found), "resolved": len(gone)}


def _raise(operator_id: UUID, finding: Finding, version_id: UUID, at: datetime) -> None:
    alert = Alert.objects.create(
        operator_id=operator_id, kind=finding.kind, subject=finding.subject, severity=finding.severity,
        value=finding.value, threshold=finding.threshold, sentence=finding.sentence, version_id=version_id,
        raised_at=at, seen_at=at,
    )  # fmt: skip
    _tell(alert, "alert.raised")


def _renew(alert: Alert, finding: Finding, version_id: UUID, at: datetime) -> None:
    alert.severity, alert.value, alert.threshold = finding.severity, finding.value, finding.threshold
    alert.sentence, alert.version_id, alert.seen_at = finding.sentence, version_id, max(at, alert.raised_at)
    alert.save(update_fields=["severity", "value", "threshold", "sentence", "version_id", "seen_at"])


def _resolve(alert: Alert, at: datetime) -> None:
    alert.resolved_at = at
    alert.save(update_fields=["resolved_at"])
    _tell(alert, "alert.resolved")


def _tell(alert: Alert, action: str) -> None:
    record(
        operator_id=alert.operator_id, actor=ACTOR, action=action, target=alert.public_id,
        detail={"kind": alert.kind, "subject": alert.subject, "severity": alert.severity, "value": alert.value},
    )  # fmt: skip


def _lock(operator_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts:' || %s, 0))", [str(operator_id)])
