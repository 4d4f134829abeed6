"""Shapes of bodies and answers."""

from typing import Any

from rest_framework import serializers

from core.ids import public_id
from core.times import utc
from subjects.models import Consent, ConsentEntry, Notice, Subject
from subjects.purposes import Purpose


class PurposesField(serializers.MultipleChoiceField):
    """Purposes as a list; the order does not matter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=Purpose.choices, **options)

    def to_internal_value(self, data: Any) -> Any:
        """Return the purposes in the order of ``Purpose``, each once."""
        chosen = super().to_internal_value(data)
        return [purpose for purpose in Purpose if purpose in chosen]


class ConsentTermsBody(serializers.Serializer[Any]):
    """What a consent is about and where and how long it holds."""

    notice = serializers.CharField(help_text="The notice the person was shown, ntc_…")
    purposes = PurposesField(allow_empty=False)
    method = serializers.CharField(max_length=30, default="tick_box", help_text="How the person said yes.")
    venue = serializers.CharField(required=False, help_text="Limit to one venue, ven_…; without it all venues.")
    expires_at = serializers.DateTimeField(required=False, help_text="End; without it the longest term.")


class ConsentBody(ConsentTermsBody):
    """A consent of somebody who is registered."""

    subject = serializers.CharField(help_text="sub_…")


class WithdrawalBody(serializers.Serializer[Any]):
    """What is withdrawn through a receipt."""

    purposes = PurposesField(required=False, allow_empty=False, help_text="Without it every purpose.")


class SubjectWithdrawalBody(WithdrawalBody):
    """What a subject withdraws."""

    subject = serializers.CharField(help_text="sub_…")


class NoticeViewBody(serializers.Serializer[Any]):
    """That a notice was on a screen."""

    notice = serializers.CharField(help_text="ntc_…")
    screen = serializers.CharField(required=False, help_text="scr_…")


class TakeawayAnswer(serializers.Serializer[Any]):
    """What somebody takes away from a registration."""

    subject = serializers.CharField()
    pseudonym = serializers.CharField()
    receipt_url = serializers.CharField(help_text="Page where the consents can be seen and withdrawn.")
    receipt_qr = serializers.CharField(help_text="SVG data address.")
    loyalty_token = serializers.CharField(allow_null=True, help_text="Names the subject without a camera.")
    loyalty_qr = serializers.CharField(allow_null=True, help_text="SVG data address.")


class ConsentAnswer(serializers.Serializer[Any]):
    """The present state of one consent."""

    purpose = serializers.CharField()
    state = serializers.CharField(help_text="given, withdrawn or expired")
    given_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    venue = serializers.CharField(allow_null=True)


class SubjectAnswer(serializers.Serializer[Any]):
    """A subject with their consents."""

    id = serializers.CharField()
    pseudonym = serializers.CharField()
    origin = serializers.CharField()
    created_at = serializers.DateTimeField()
    consents = ConsentAnswer(many=True)


class EntryAnswer(serializers.Serializer[Any]):
    """One line of the consent ledger."""

    id = serializers.CharField()
    purpose = serializers.CharField()
    action = serializers.CharField(help_text="given, withdrawn or expired")
    notice = serializers.CharField(allow_null=True)
    method = serializers.CharField()
    channel = serializers.CharField()
    actor = serializers.CharField()
    venue = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    at = serializers.DateTimeField()


class LedgerAnswer(serializers.Serializer[Any]):
    """A subject's part of the ledger, oldest first."""

    items = EntryAnswer(many=True)


class ConsentsAnswer(serializers.Serializer[Any]):
    """Consents after a change."""

    items = ConsentAnswer(many=True)


class WithdrawnAnswer(serializers.Serializer[Any]):
    """What ended; empty when nothing was live."""

    withdrawn = serializers.ListField(child=serializers.CharField())


class NoticeAnswer(serializers.Serializer[Any]):
    """A notice."""

    id = serializers.CharField()
    version = serializers.IntegerField()
    language = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    purposes = serializers.DictField(child=serializers.CharField(), help_text="What it says about each purpose.")
    sha256 = serializers.CharField()


class NoticeViewAnswer(serializers.Serializer[Any]):
    """The recorded proof."""

    id = serializers.CharField()
    at = serializers.DateTimeField()


class ReceiptAnswer(serializers.Serializer[Any]):
    """What a receipt shows."""

    pseudonym = serializers.CharField()
    consents = ConsentAnswer(many=True)


def venue_of(row: Consent | ConsentEntry) -> str | None:
    """Return the venue a consent is limited to."""
    return public_id("ven", row.venue_id) if row.venue_id else None


def consent_answer(consent: Consent) -> dict[str, Any]:
    """Return a consent as the API shows it."""
    return {
        "purpose": consent.purpose,
        "state": consent.state,
        "given_at": utc(consent.given_at),
        "expires_at": utc(consent.expires_at),
        "ended_at": utc(consent.ended_at) if consent.ended_at else None,
        "venue": venue_of(consent),
    }


def subject_answer(subject: Subject) -> dict[str, Any]:
    """Return a subject, whose ``consents`` are prefetched, as the API shows them."""
    consents = sorted(subject.consents.all(), key=lambda consent: consent.purpose)
    return {
        "id": subject.public_id,
        "pseudonym": subject.pseudonym,
        "origin": subject.origin,
        "created_at": utc(subject.created_at),
        "consents": [consent_answer(consent) for consent in consents],
    }


def entry_answer(entry: ConsentEntry) -> dict[str, Any]:
    """Return a line of the ledger as the API shows it."""
    return {
        "id": entry.public_id,
        "purpose": entry.purpose,
        "action": entry.action,
        "notice": entry.notice.public_id if entry.notice else None,
        "method": entry.method,
        "channel": entry.channel,
        "actor": entry.actor,
        "venue": venue_of(entry),
        "expires_at": utc(entry.expires_at) if entry.expires_at else None,
        "at": utc(entry.at),
    }


def notice_answer(notice: Notice) -> dict[str, Any]:
    """Return a notice as the API shows it."""
    return {
        "id": notice.public_id,
        "version": notice.version,
        "language": notice.language,
        "title": notice.title,
        "text": notice.text,
        "purposes": notice.purposes,
        "sha256": notice.sha256,
    }
