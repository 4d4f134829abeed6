"""Viewer tokens: sealed, short-lived, for one screen, and different every time."""

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.problems import Problem
from identities.errors import ForeignViewerToken, ViewerTokenExpired
from identities.viewers import How, ViewerClaim, ViewerState, checked, issue, opened

OPERATOR, SCREEN, SUBJECT = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
END = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
CLAIM = ViewerClaim(OPERATOR, SCREEN, SUBJECT, ViewerState.RECOGNISED, END, How.FACE)


def read(token: str, *, operator_id: uuid.UUID, screen_id: uuid.UUID, at: datetime) -> ViewerClaim:
    return checked(opened(token), operator_id=operator_id, screen_id=screen_id, at=at)


@given(
    subject=st.none() | st.uuids().filter(lambda value: value.int != 0), state=st.sampled_from(ViewerState),
    how=st.sampled_from(How), milliseconds=st.integers(0, 4_000_000_000_000),
)  # fmt: skip
def test_what_is_issued_is_what_is_read(
    subject: uuid.UUID | None, state: ViewerState, how: How, milliseconds: int
) -> None:
    end = datetime.fromtimestamp(milliseconds / 1000, UTC)
    claim = ViewerClaim(OPERATOR, SCREEN, subject, state, end, how)

    found = read(issue(claim), operator_id=OPERATOR, screen_id=SCREEN, at=end - timedelta(seconds=1))

    assert (found.subject_id, found.state, found.how) == (subject, state, how)
    assert abs(found.expires_at - end) < timedelta(milliseconds=1)


def test_a_token_ends_at_its_end() -> None:
    token = issue(CLAIM)

    assert read(token, operator_id=OPERATOR, screen_id=SCREEN, at=END - timedelta(milliseconds=1)) == CLAIM
    with pytest.raises(ViewerTokenExpired) as refused:
        read(token, operator_id=OPERATOR, screen_id=SCREEN, at=END)
    assert (refused.value.status, refused.value.code) == (422, "viewer_token_expired")


@pytest.mark.parametrize("changed", [{"operator_id": uuid.uuid4()}, {"screen_id": uuid.uuid4()}])
def test_a_token_counts_at_its_own_screen_and_operator_only(changed: dict[str, uuid.UUID]) -> None:
    place = {"operator_id": OPERATOR, "screen_id": SCREEN} | changed

    with pytest.raises(ForeignViewerToken) as refused:
        read(issue(CLAIM), **place, at=END - timedelta(seconds=1))

    assert (refused.value.status, refused.value.code) == (422, "viewer_token_foreign")


@given(st.text(max_size=300))
def test_what_was_never_issued_is_foreign(text: str) -> None:
    with pytest.raises(ForeignViewerToken):
        read(text, operator_id=OPERATOR, screen_id=SCREEN, at=END)


@given(st.integers(0, 84), st.integers(1, 255))
def test_a_changed_token_is_foreign(place: int, change: int) -> None:
    sealed = bytearray(base64.urlsafe_b64decode(issue(CLAIM).removeprefix("vwr_") + "=="))
    sealed[place % len(sealed)] ^= change
    forged = "vwr_" + base64.urlsafe_b64encode(bytes(sealed)).rstrip(b"=").decode()

    with pytest.raises(Problem):
        read(forged, operator_id=OPERATOR, screen_id=SCREEN, at=END - timedelta(seconds=1))


def test_no_two_tokens_for_one_person_are_alike() -> None:
    tokens = [base64.urlsafe_b64decode(issue(CLAIM).removeprefix("vwr_") + "==") for _ in range(50)]

    assert len(set(tokens)) == 50
    assert len({token[:12] for token in tokens}) == 50
    assert len({token[12:28] for token in tokens}) == 50
    assert SUBJECT.bytes not in b"".join(tokens)
