"""Creatives: approval and uploads."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

import catalog.selectors
import catalog.services
from accounts.models import Operator
from accounts.roles import Role

Staged = dict[str, Any]
FORM = {"title": "Welcome", "category": "service", "campaign": "", "seconds": "8", "audience": "public"}


def upload(client: Client, content: bytes, content_type: str = "image/png", **changes: str) -> Any:
    """Send the upload form."""
    picture = SimpleUploadedFile("poster", content, content_type)
    return client.post("/creatives/new", FORM | changes | {"picture": picture}, follow=True)


def test_a_reviewer_approves(
    signed_in: Callable[..., Client], staged: Staged, actions: Callable[[], list[str]]
) -> None:
    signed_in(Role.REVIEWER).post(f"/creatives/{staged['creative'].public_id}/approval")

    staged["creative"].refresh_from_db()
    assert staged["creative"].approval == "approved"
    assert actions()[-1] == "creative.approved"


def test_a_rejection_needs_a_reason(owner: Client, staged: Staged, actions: Callable[[], list[str]]) -> None:
    path, before = f"/creatives/{staged['creative'].public_id}/rejection", actions()

    refused = owner.post(path, {"reason": " "}, follow=True).content.decode()
    unchanged = actions()
    owner.post(path, {"reason": "The logo is cut off."})

    assert "Say why the creative is rejected" in refused
    assert unchanged == before
    staged["creative"].refresh_from_db()
    assert (staged["creative"].approval, staged["creative"].rejection_reason) == ("rejected", "The logo is cut off.")


def test_a_creative_without_a_picture_is_not_approved(owner: Client, staged: Staged, operator: Operator) -> None:
    bare = catalog.services.add_creative(
        operator_id=operator.id, title="Bare", category="service", duration_ms=5_000, actor="system:test"
    )  # fmt: skip

    page = owner.post(f"/creatives/{bare.public_id}/approval", follow=True).content.decode()

    bare.refresh_from_db()
    assert bare.approval == "pending"
    assert "Add the picture first, then approve." in page


def test_an_upload_becomes_a_creative_that_waits_for_approval(
    owner: Client, operator: Operator, picture: bytes, actions: Callable[[], list[str]]
) -> None:
    page = upload(owner, picture, category="movies.drama").content.decode()

    creative = catalog.selectors.creatives(operator_id=operator.id).get()
    assert (creative.title, creative.category, creative.duration_ms) == ("Welcome", "movies.drama", 8_000)
    assert (creative.approval, creative.campaign_id) == ("pending", None)
    assert creative.media is not None
    assert creative.media.content_type == "image/png"
    assert "waits for approval" in page
    assert actions() == ["media.stored", "creative.added"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"category": "nonsense"}, "&#x27;nonsense&#x27; is no category."),
        ({"seconds": "0"}, "greater than or equal to 1"),
        ({"campaign": "00000000-0000-0000-0000-000000000000"}, "Select a valid choice."),
    ],
)
def test_an_unusable_form_is_explained_and_stores_nothing(
    changes: dict[str, str], told: str, owner: Client, operator: Operator, picture: bytes,
    actions: Callable[[], list[str]],
) -> None:  # fmt: skip
    response = upload(owner, picture, **changes)

    assert response.status_code == 422
    assert told in response.content.decode()
    assert not catalog.selectors.creatives(operator_id=operator.id).exists()
    assert not catalog.selectors.media(operator_id=operator.id).exists()
    assert actions() == []


def test_a_file_that_is_no_picture_is_explained(owner: Client, operator: Operator) -> None:
    response = upload(owner, b"no picture at all")

    assert response.status_code == 422
    assert "The bytes are no PNG, JPEG or WebP picture." in response.content.decode()
    assert not catalog.selectors.creatives(operator_id=operator.id).exists()


def test_a_picture_larger_than_ordinary_uploads_is_taken(owner: Client, operator: Operator, picture: bytes) -> None:
    padded = picture + bytes(9 * 2**20)  # decoders ignore what follows the end of a PNG

    assert upload(owner, padded).status_code == 200
    assert catalog.selectors.media(operator_id=operator.id).get().bytes == len(padded)


def test_the_grid_shows_signed_pictures_and_filters_by_approval(owner: Client, staged: Staged) -> None:
    waiting = owner.get("/creatives?approval=pending").content.decode()
    approved = owner.get("/creatives?approval=approved").content.decode()

    assert f"/v1/media/{staged['creative'].media.sha256}?expires=" in waiting
    assert "Rain has no chance" in waiting
    assert "Rain has no chance" not in approved


def test_the_grid_costs_the_same_queries_however_many_creatives(
    owner: Client, staged: Staged, operator: Operator, queries: Callable[[Client, str], int]
) -> None:
    before = queries(owner, "/creatives")
    for number in range(5):
        catalog.services.add_creative(
            operator_id=operator.id, title=f"Creative {number}", category="service", duration_ms=5_000,
            actor="system:test",
        )  # fmt: skip

    assert queries(owner, "/creatives") == before
    assert before <= 12
