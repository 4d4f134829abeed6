"""Logged decisions, explained: to the person, to those who answer for them, and to nobody else."""

from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from rest_framework.test import APIClient

import decisions.explanation
import registry.serving
import subjects.services
from accounts.roles import Scope
from accounts.services import issue_api_key
from core.ids import public_id
from core.tenancy import operator_scope, platform_scope
from decisions import explanation, links, services
from decisions.counterfactual import Changed
from decisions.errors import UnknownExplanation
from decisions.explanation import Personal
from decisions.models import Choice, Decision
from decisions.reasons import LIKED
from recsys.explain.occlusion import OcclusionExplainer
from recsys.features import DEFAULT_SPEC, encode
from recsys.hashing import identifier
from registry.explainers import Explained
from subjects.models import Consent

DAY = timedelta(days=1)


class Taste:
    """A ranker by a rule: each thing of the creative's category in a history adds to its log-odds, a key adds to all.

    It scores rows of ids as a model does, so that it can be taken apart.
    """

    version, spec = "taste", DEFAULT_SPEC

    def __init__(self):
        self.favourites = {}

    def rank(self, context, viewers, candidates, position=0):
        feeds = encode(context, viewers, candidates, position, self.spec)
        rows = {
            name: np.broadcast_to(ids, (len(viewers), len(candidates))) if ids.shape[0] == 1 and name in ITEMS else ids
            for name, ids in feeds.items()
        }
        return np.stack(
            [self.score({n: v[:, [c]] if n in ITEMS else v for n, v in rows.items()}) for c in range(len(candidates))],
            axis=1,
        ).astype(np.float32)

    def score(self, rows):
        same = (rows["history_category"] == rows["category"]) & (rows["history_category"] > 0)
        base = np.array([self.favourites.get(int(one), 0.0) for one in rows["creative"][:, 0]])
        return 1 / (1 + np.exp(-(base - 2 + 0.6 * same.sum(axis=1) + 0.5 * (rows["viewer"][:, 0] > 0))))

    def likes(self, creative, amount):
        self.favourites[identifier("creative", creative.public_id, self.spec.sizes["creative"])] = amount


ITEMS = ("creative", "category", "advertiser")


@pytest.fixture
def taste(monkeypatch):
    """The ranker decides, and is kept."""
    ranker = Taste()
    monkeypatch.setattr(registry.serving, "ranker_for", lambda operator_id, versions, screen_id: ranker)
    kept = Explained(ranker, OcclusionExplainer(ranker))
    monkeypatch.setattr(decisions.explanation, "explained", lambda operator_id, model: kept)
    return ranker


@pytest.fixture
def stall(place, taste):
    """Shoes and bread, and somebody who looked at shoes twice and once at politics, yesterday."""
    shoes, bread = place.creative("Runners", "fashion.running_shoes"), place.creative("Bread", "food.bread")
    taste.likes(bread, 0.5)
    subject = place.subject("recognise", "personalise", "learn")
    look(place, subject, shoes, "fashion.running_shoes", DAY, 2 * DAY)
    look(place, subject, bread, "politics", 2 * DAY)
    return place, subject, shoes, bread


def look(place, subject, creative, category, *ago):
    entries = [(subject, creative.public_id, category, place.at - each) for each in ago]
    subjects.services.remember(operator_id=place.operator_id, entries=entries)


def position_of(slate, creative):
    return next(n for n, one in enumerate(slate.places) if one.pick.offer.id == creative.id)


def told(place, slate, position=0, after=timedelta(minutes=1)):
    token = slate.places[position].why_url.rpartition("/")[2]
    return explanation.of_link(token, at=place.at + after)


def account(place, slate, position=0, without=("personalise",), after=timedelta(minutes=1)):
    return explanation.for_officer(
        operator_id=place.operator_id, decision_id=slate.decision_id, position=position, without=frozenset(without),
        at=place.at + after,
    )  # fmt: skip


def test_somebody_alone_is_told_what_they_looked_at_and_how_often(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))

    found = told(place, slate, position_of(slate, shoes))

    assert found.personal is Personal.TOLD
    assert found.because == (
        "Because you looked at running shoes twice this week.",
        "Because of what the ranking learnt from your choices; you agreed to that.",
    )


def test_what_hardly_mattered_is_said_to_have_hardly_mattered(stall):
    place, _, _, bread = stall
    other = place.subject("recognise", "personalise")
    slate = place.decide(place.viewer(other))

    assert told(place, slate, position_of(slate, bread)).because == (
        "What is remembered of you made no difference to speak of.",
    )


@pytest.mark.parametrize(
    ("ago", "sentence"),
    [
        ([3 * DAY] * 3, "Because you looked at tea 3 times this week."),
        ([DAY, 20 * DAY], "Because you looked at tea twice this month."),
        ([80 * DAY], "Because you looked at tea in the past months."),
    ],
)
def test_times_are_told_in_words(place, taste, ago, sentence):
    tea = place.creative("Tea", "drinks.tea")
    subject = place.subject("recognise", "personalise")
    look(place, subject, tea, "drinks.tea", *(each + timedelta(seconds=n) for n, each in enumerate(ago)))

    slate = place.decide(place.viewer(subject))

    assert told(place, slate).because == (sentence,)


def test_nothing_is_said_of_sensitive_subjects(stall):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject))

    for position in range(len(slate.places)):
        found = told(place, slate, position)
        assert "politics" not in " ".join((*found.because, *found.reasons))
    [influence] = account(place, slate).influences
    assert [one.category for one in influence.subjects] == ["fashion.running_shoes"]


def test_beside_others_nothing_is_said_of_anybodys_past(stall):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject), people=2)

    found = told(place, slate)

    assert (found.personal, found.because) == (Personal.NOT_ALONE, ())
    assert not any(sentence.startswith(LIKED) for sentence in found.reasons)
    assert found.counterfactual is not None


def test_after_an_hour_a_link_tells_no_past_any_more(stall):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject))

    found = told(place, slate, after=timedelta(hours=1, seconds=1))

    assert (found.personal, found.because) == (Personal.TOO_LATE, ())
    assert not any(sentence.startswith(LIKED) for sentence in found.reasons)


@pytest.mark.parametrize("purposes", [["personalise"], ["recognise", "personalise", "learn"]])
def test_after_a_withdrawal_only_place_and_time_are_told(stall, purposes):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    for purpose in purposes:
        subjects.services.withdraw_consent(
            operator_id=place.operator_id, subject_id=subject, purpose=purpose, channel="kiosk", actor="x", at=place.at
        )

    found, accounted = told(place, slate, position_of(slate, shoes)), account(place, slate)

    assert (found.personal, found.because) == (Personal.ENDED, ())
    assert not any("shoes" in sentence for sentence in found.reasons)
    assert any("Harbour Mall" in sentence for sentence in found.reasons)
    assert (accounted.influences, accounted.ended) == ((), 1)
    assert Changed.PEOPLE in accounted.changed


def test_after_an_erasure_nothing_in_the_log_tells_what_they_liked(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    assert any(sentence.startswith(LIKED) for sentence in slate.places[position_of(slate, shoes)].reasons)
    before = Choice.objects.get(creative_id=shoes.id).reasons

    services.forget(operator_id=place.operator_id, subject_id=subject)

    after = Choice.objects.get(creative_id=shoes.id).reasons
    assert after == [sentence for sentence in before if not sentence.startswith(LIKED)]
    assert len(after) == len(before) - 1
    found = told(place, slate, position_of(slate, shoes))
    assert (found.personal, found.because, list(found.reasons)) == (Personal.ENDED, (), after)


def withdraw(place, subject, purpose):
    subjects.services.withdraw_consent(
        operator_id=place.operator_id, subject_id=subject, purpose=purpose, channel="kiosk", actor="x", at=place.at
    )


def expire(place, subject, purpose):
    Consent.objects.filter(subject_id=subject, purpose=purpose).update(
        given_at=place.at - 2 * DAY, expires_at=place.at - DAY
    )
    subjects.services.expire_consents(operator_id=place.operator_id, at=place.at)


def withdraw_everything(place, subject, purpose):
    del purpose
    subjects.services.withdraw_all(
        operator_id=place.operator_id, subject_id=subject, channel="receipt", actor="x", at=place.at
    )


@pytest.mark.parametrize("end", [withdraw, expire, withdraw_everything])
def test_the_end_of_the_consent_to_personal_choices_takes_likings_out_of_the_log(stall, player, end):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    before = Choice.objects.get(creative_id=shoes.id).reasons
    assert any(sentence.startswith(LIKED) for sentence in before)

    end(place, subject, "personalise")

    after = Choice.objects.get(creative_id=shoes.id).reasons
    assert after == [sentence for sentence in before if not sentence.startswith(LIKED)]
    answer = player.get(f"/v1/decisions/{public_id('dec', slate.decision_id)}").json()
    assert not any(LIKED in sentence for one in answer["slate"] for sentence in one["reasons"])


@pytest.mark.parametrize("purpose", ["recognise", "learn"])
def test_the_end_of_another_consent_leaves_the_reasons_as_they_are(stall, purpose):
    place, subject, _, _ = stall
    place.decide(place.viewer(subject))
    before = list(Choice.objects.order_by("id").values_list("reasons", flat=True))

    withdraw(place, subject, purpose)

    assert list(Choice.objects.order_by("id").values_list("reasons", flat=True)) == before


def test_a_consent_given_anew_leaves_the_reasons_as_they_are(stall):
    place, subject, _, _ = stall
    place.decide(place.viewer(subject))
    before = list(Choice.objects.order_by("id").values_list("reasons", flat=True))

    subjects.services.give_consent(
        operator_id=place.operator_id, subject_id=subject, purposes=["personalise"], notice=place.notice,
        channel="kiosk", actor="x", method="tick_box", at=place.at,
    )  # fmt: skip

    assert list(Choice.objects.order_by("id").values_list("reasons", flat=True)) == before


def test_reasons_of_other_peoples_decisions_stay(stall, other_operator):
    place, subject, _, _ = stall
    place.decide(place.viewer(subject))
    before = list(Choice.objects.order_by("id").values_list("reasons", flat=True))

    withdraw(place, place.subject("recognise", "personalise"), "personalise")
    services.forget(operator_id=other_operator.id, subject_id=subject)
    services.forget(operator_id=place.operator_id, subject_id=place.subject("recognise"))

    assert list(Choice.objects.order_by("id").values_list("reasons", flat=True)) == before


def test_what_happened_after_the_decision_explains_nothing(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    look(place, subject, shoes, "fashion.running_shoes", -timedelta(seconds=1), -timedelta(seconds=2))

    found = told(place, slate, position_of(slate, shoes))

    assert found.because[0] == "Because you looked at running shoes twice this week."
    assert not account(place, slate).changed


def test_shares_add_up_to_what_knowing_somebody_changed(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))

    [influence] = account(place, slate, position_of(slate, shoes)).influences

    assert influence.method == "occlusion"
    [looked_at] = influence.subjects
    assert (looked_at.category, looked_at.times) == ("fashion.running_shoes", 2)
    assert looked_at.amount == pytest.approx(1.2, abs=1e-5)
    assert influence.key == pytest.approx(0.5, abs=1e-5)
    assert influence.score - influence.baseline == pytest.approx(1.7, abs=1e-5)
    assert influence.residual == pytest.approx(0, abs=1e-5)


def test_without_personal_choices_what_everybody_likes_would_have_been_first(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))

    compared = account(place, slate).counterfactual

    assert [one.title for one in compared.likely] == ["Runners", "Bread"]
    assert [one.title for one in compared.instead] == ["Bread", "Runners"]
    assert not compared.same
    with_, without = compared.scores[shoes.id]
    assert with_ == pytest.approx(1 / (1 + np.exp(2 - 1.2 - 0.5)), abs=1e-5)
    assert without == pytest.approx(1 / (1 + np.exp(2)), abs=1e-5)
    assert account(place, slate).counterfactual == compared


def test_without_learning_a_history_still_counts_and_a_key_does_not(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))

    compared = account(place, slate, without=["learn"]).counterfactual

    assert [one.title for one in compared.instead] == ["Runners", "Bread"]
    assert compared.scores[shoes.id][1] == pytest.approx(1 / (1 + np.exp(2 - 1.2)), abs=1e-5)
    assert account(place, slate, without=["recognise"]).counterfactual.instead[0].title == "Bread"


def test_without_anybody_known_what_is_meant_for_one_person_is_not_shown(stall):
    place, subject, _, _ = stall
    bonus = place.creative("Your bonus", "offers", audience="personal")
    slate = place.decide(place.viewer(subject))

    compared = account(place, slate).counterfactual

    assert bonus.id in [one.creative_id for one in compared.likely]
    assert bonus.id not in [one.creative_id for one in compared.instead]


def test_a_changed_history_is_said_to_have_changed(stall):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    Choice.objects.filter(creative_id=shoes.id).update(score=0.9)

    assert account(place, slate).changed == {Changed.HISTORY}


def test_a_decision_whose_candidates_were_not_kept_has_no_counterfactual(stall):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject))
    Decision.objects.update(considered=b"")

    found = account(place, slate)

    assert found.counterfactual is None
    assert len(found.influences) == 1


def test_a_model_that_is_no_longer_kept_is_said_to_be_gone(stall, monkeypatch):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject))
    monkeypatch.setattr(decisions.explanation, "explained", lambda operator_id, model: None)

    found, accounted = told(place, slate), account(place, slate)

    assert (found.personal, found.because, found.counterfactual) == (Personal.NOT_KEPT, (), None)
    assert (accounted.influences, accounted.changed) == ((), {Changed.MODEL})


def test_a_contextual_choice_asks_no_model(place, monkeypatch):
    place.creative("Bread")
    slate = place.decide()
    monkeypatch.setattr(decisions.explanation, "explained", None)

    found = told(place, slate)

    assert (found.personal, found.because, found.counterfactual) == (Personal.NONE_USED, (), None)
    assert found.reasons == tuple(slate.places[0].reasons)


def test_the_uniform_ranker_owes_nothing_to_anybody(place):
    place.creative("Bread")
    slate = place.decide(place.viewer(place.subject("recognise", "personalise")))

    assert told(place, slate).because == ("What is remembered of you made no difference to speak of.",)


def test_of_several_people_each_is_accounted_for_and_none_is_named(stall):
    place, subject, shoes, bread = stall
    other = place.subject("recognise", "personalise")
    look(place, other, bread, "food.bread", DAY)
    slate = place.decide(place.viewer(subject), place.viewer(other))

    found = account(place, slate, position_of(slate, shoes))

    assert [[one.category for one in each.subjects] for each in found.influences] == [
        ["fashion.running_shoes"],
        ["food.bread"],
    ]
    assert [each.key for each in found.influences] == pytest.approx([0.5, 0.0], abs=1e-5)


def test_a_link_works_outside_of_any_operators_scope(place):
    place.creative("Bread")
    slate = place.decide()

    with platform_scope():
        assert told(place, slate).choice.category == "food"


def test_a_link_to_a_decision_that_is_gone_explains_nothing(place):
    url = links.why_url(operator_id=place.operator_id, decision_id=uuid4(), position=0)

    with pytest.raises(UnknownExplanation):
        explanation.of_link(url.rpartition("/")[2], at=place.at)


@pytest.mark.parametrize("change", [lambda t: t[:-4] + "AAAA", lambda t: t[:20], lambda t: "", lambda t: "é"])
def test_a_changed_link_explains_nothing(place, change):
    place.creative("Bread")
    token = place.decide().places[0].why_url.rpartition("/")[2]

    with pytest.raises(UnknownExplanation):
        explanation.of_link(change(token), at=place.at)


def test_a_place_that_there_is_not_explains_nothing(place):
    place.creative("Bread")
    slate = place.decide()
    beyond = links.why_url(operator_id=place.operator_id, decision_id=slate.decision_id, position=7)

    with pytest.raises(UnknownExplanation):
        explanation.of_link(beyond.rpartition("/")[2], at=place.at)


def test_an_operator_is_told_nothing_of_another_ones_decisions(stall, other_operator):
    place, subject, _, _ = stall
    slate = place.decide(place.viewer(subject))

    with operator_scope(other_operator.id), pytest.raises(UnknownExplanation):
        explanation.for_officer(
            operator_id=other_operator.id, decision_id=slate.decision_id, position=0, without=frozenset(), at=place.at
        )


@pytest.fixture
def officer(place):
    """An API client of somebody who answers for subjects' data."""
    client = APIClient(raise_request_exception=False)
    token = issue_api_key(operator_id=place.operator_id, name="officer", scopes=[Scope.SUBJECTS])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_the_api_tells_what_each_subject_did_and_names_nobody(stall, officer):
    place, subject, shoes, _ = stall
    slate = place.decide(place.viewer(subject))
    path = f"/v1/decisions/{public_id('dec', slate.decision_id)}/explanation"

    answer = officer.get(path, {"position": position_of(slate, shoes), "without": ["learn", "personalise"]})

    assert answer.status_code == 200
    body = answer.json()
    assert body["creative"] == shoes.public_id
    assert body["influences"][0]["subjects"][0]["category"] == "fashion.running_shoes"
    assert body["influences"][0]["subjects"][0]["amount"] == pytest.approx(1.2, abs=1e-5)
    assert body["counterfactual"]["without"] == ["learn", "personalise"]
    assert body["counterfactual"]["score"] > body["counterfactual"]["score_without"]
    assert body["changed"] == []
    assert public_id("sub", subject) not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("without=share", 400, "malformed"),
        ("position=-1", 400, "malformed"),
        ("position=first", 400, "malformed"),
        ("position=²", 400, "malformed"),
        ("position=9", 404, "unknown_explanation"),
    ],
)
def test_the_api_refuses_what_makes_no_sense(place, officer, query, status, code):
    place.creative("Bread")
    slate = place.decide()

    answer = officer.get(f"/v1/decisions/{public_id('dec', slate.decision_id)}/explanation?{query}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_player_may_not_ask(place, player):
    place.creative("Bread")
    slate = place.decide()

    assert player.get(f"/v1/decisions/{public_id('dec', slate.decision_id)}/explanation").status_code == 403
