from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Operator
from audit.selectors import latest
from catalog.errors import CampaignStateConflict, CreativeWithoutMedia, UnknownCategory, UnusableCreative
from catalog.models import Campaign, Creative, Media
from catalog.services import (
    add_creative,
    approve_creative,
    attach_media,
    reject_creative,
    set_campaign_state,
    set_creative_active,
)
from core.epochs import Topic, versions
from core.problems import NotFound
from core.tenancy import operator_scope

ACTOR = "member:test"
FIELDS: dict[str, Any] = {"title": "Opening hours", "category": "service", "duration_ms": 8_000}


def test_a_creative_waits_for_approval(operator: Operator, media: Media) -> None:
    creative = add_creative(operator_id=operator.id, media_id=media.id, actor=ACTOR, **FIELDS)

    creative.refresh_from_db()
    assert (creative.approval, creative.active, creative.campaign_id) == ("pending", True, None)
    assert (creative.audience, creative.minimum_age, creative.click_url) == ("public", None, None)
    assert latest(operator_id=operator.id)[0].action == "creative.added"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"title": " "}, UnusableCreative),
        ({"category": "gamblng"}, UnknownCategory),
        ({"duration_ms": 999}, UnusableCreative),
        ({"duration_ms": 600_001}, UnusableCreative),
        ({"minimum_age": 0}, UnusableCreative),
        ({"minimum_age": 100}, UnusableCreative),
        ({"audience": "men"}, UnusableCreative),
        ({"click_url": "javascript:alert(1)"}, UnusableCreative),
        ({"click_url": "https://user:secret@example.org/"}, UnusableCreative),
        ({"click_url": "https://example.org/" + "x" * 500}, UnusableCreative),
        ({"campaign_id": UUID(int=1)}, NotFound),
        ({"media_id": UUID(int=1)}, NotFound),
    ],
    ids=str,
)
def test_a_refused_creative_changes_nothing(
    operator: Operator, changed: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        add_creative(operator_id=operator.id, actor=ACTOR, **(FIELDS | changed))

    assert Creative.objects.count() == 0
    assert versions(operator_id=operator.id) == {}


def test_a_campaign_that_ended_takes_no_more_creatives(operator: Operator, campaign: Campaign) -> None:
    set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state="ended", actor=ACTOR)

    with pytest.raises(CampaignStateConflict):
        add_creative(operator_id=operator.id, campaign_id=campaign.id, actor=ACTOR, **FIELDS)

    assert Creative.objects.count() == 0


def test_nobody_approves_what_cannot_be_seen(operator: Operator) -> None:
    creative = add_creative(operator_id=operator.id, actor=ACTOR, **FIELDS)
    before = versions(operator_id=operator.id)

    with pytest.raises(CreativeWithoutMedia):
        approve_creative(operator_id=operator.id, creative_id=creative.id, actor=ACTOR)

    creative.refresh_from_db()
    assert creative.approval == "pending"
    assert versions(operator_id=operator.id) == before


def test_another_picture_needs_another_approval(operator: Operator, creative: Creative, media: Media) -> None:
    attach_media(operator_id=operator.id, creative_id=creative.id, media_id=media.id, actor=ACTOR)

    creative.refresh_from_db()
    assert (creative.approval, creative.media_id) == ("pending", media.id)


def test_approvals_rejections_and_switches_are_audited_and_told(operator: Operator, creative: Creative) -> None:
    before = versions(operator_id=operator.id)[Topic.CATALOG]

    reject_creative(operator_id=operator.id, creative_id=creative.id, reason=" blurred ", actor=ACTOR)
    creative.refresh_from_db()
    rejected = (creative.approval, creative.rejection_reason)
    approve_creative(operator_id=operator.id, creative_id=creative.id, actor=ACTOR)
    set_creative_active(operator_id=operator.id, creative_id=creative.id, active=False, actor=ACTOR)

    creative.refresh_from_db()
    assert rejected == ("rejected", "blurred")
    assert (creative.approval, creative.rejection_reason, creative.active) == ("approved", "", False)
    assert versions(operator_id=operator.id)[Topic.CATALOG] == before + 3
    assert [entry.action for entry in latest(operator_id=operator.id)[:3]] == [
        "creative.switched", "creative.approved", "creative.rejected",
    ]  # fmt: skip


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_a_rejection_says_why(operator: Operator, creative: Creative, reason: str) -> None:
    with pytest.raises(UnusableCreative):
        reject_creative(operator_id=operator.id, creative_id=creative.id, reason=reason, actor=ACTOR)

    creative.refresh_from_db()
    assert creative.approval == "approved"


def test_another_operators_creative_is_out_of_reach(
    operator: Operator, other_operator: Operator, creative: Creative, media: Media
) -> None:
    with operator_scope(other_operator.id):
        for change in (
            lambda: approve_creative(operator_id=other_operator.id, creative_id=creative.id, actor=ACTOR),
            lambda: reject_creative(operator_id=other_operator.id, creative_id=creative.id, reason="no", actor=ACTOR),
            lambda: set_creative_active(
                operator_id=other_operator.id, creative_id=creative.id, active=False, actor=ACTOR
            ),
            lambda: add_creative(operator_id=other_operator.id, media_id=media.id, actor=ACTOR, **FIELDS),
        ):
            with pytest.raises(NotFound):
                change()

    creative.refresh_from_db()
    assert (creative.approval, creative.active) == ("approved", True)
    assert Creative.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ({"approval": "approved"}, "creative_approved_with_media"),
        ({"approval": "maybe"}, "creative_approval_known"),
        ({"audience": "men"}, "creative_audience_known"),
        ({"duration_ms": 1}, "creative_duration_in_range"),
        ({"category": "No slug"}, "creative_category_is_slug"),
        ({"minimum_age": 0}, "creative_age_in_range"),
        ({"title": ""}, "creative_is_titled"),
    ],
    ids=str,
)
def test_the_database_refuses_impossible_creatives(operator: Operator, row: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Creative.objects.create(operator_id=operator.id, **(FIELDS | row))


def test_the_database_refuses_anothers_campaign_and_media(
    operator: Operator, other_operator: Operator, campaign: Campaign, media: Media
) -> None:
    for field, constraint in (
        ({"campaign_id": campaign.id}, "creative_of_campaign_of_operator"),
        ({"media_id": media.id}, "creative_with_media_of_operator"),
    ):
        with (
            operator_scope(other_operator.id),
            pytest.raises(IntegrityError, match=constraint),
            transaction.atomic(),
        ):
            Creative.objects.create(operator_id=other_operator.id, **FIELDS, **field)
