"""Decide what a screen shows next, and forget whom it was for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction

import core.epochs
import registry.serving
from decisions import exploration as exploring
from decisions import log, models, serving
from decisions.audience import Audience, gather
from decisions.candidates import candidates
from decisions.clock import local_time
from decisions.considered import pack
from decisions.errors import NothingEligible
from decisions.exploration import Rule
from decisions.links import why_url
from decisions.observing import observe
from decisions.phases import Phases
from decisions.present import present
from decisions.reasons import reasons, setting
from decisions.redaction import reasons_without_likings
from decisions.slate import Pick, Scored, choose, score
from decisions.wish import Wish
from identities import viewers
from recsys.exploration.luce import Exploration
from recsys.exploration.posterior import Posterior
from recsys.features import Context
from signage.serving import SceneView, Situation

GRACE = timedelta(seconds=5)
"""What a lease lasts beyond its slate, so that a player can ask again before it ends."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a slate, with why it is shown and where that is explained."""

    pick: Pick
    reasons: list[str]
    why_url: str


@dataclass(frozen=True, slots=True)
class Slate:
    """A decision as the player gets it."""

    decision_id: UUID
    scene: str
    at: datetime
    lease_until: datetime
    basis: str
    purposes: list[str]
    model: str
    degraded: str
    places: list[Place]


def decide(
    *,
    operator_id: UUID,
    player_id: UUID,
    wish: Wish,
    at: datetime,
    phases: Phases | None = None,
    exploration: Exploration | None = None,
    random: np.random.Generator | None = None,
) -> Slate:
    """Choose what a player's screen shows next and log the choice with its propensities.

    One way, no queue; the number of queries depends neither on the candidates nor on the viewers. All is written in
    one statement at the end, so a refusal leaves nothing behind.

    Args:
        phases: takes the time of each phase.
        exploration: what is left to chance; None for what suits the head, or its absence.
        random: chance; None for the thread's own.

    Raises:
        PlayerNotPaired: the player drives no screen.
        UnknownScene: its venue has no such scene.
        ViewerTokenExpired, ForeignViewerToken: a viewer token is old, or of another screen or operator.
        NothingEligible: nothing may be shown; the player keeps to its offline bundle.
    """
    phases = phases or Phases()
    with phases("viewers"):
        opened = [viewers.opened(token) for token in wish.viewers]
        claimed = {claim.subject_id for claim in opened if claim is not None and claim.subject_id is not None}
        now = present(operator_id=operator_id, player_id=player_id, subject_ids=claimed, at=at)
        situation, versions = now.situation, now.versions
        scene = situation.scene(wish.scene)
        claims = [
            viewers.checked(claim, operator_id=operator_id, screen_id=situation.screen_id, at=at) for claim in opened
        ]
        audience = gather(claims, now.persons, people=wish.people, policy=scene.policy)
    with phases("eligible"):
        eligible = candidates(operator_id=operator_id, scene=scene, audience=audience, present=now, at=at)
        if not len(eligible):
            raise NothingEligible(scene.key)
    with phases("rank"):
        moment = local_time(at, situation.timezone)
        context = context_of(situation, scene, audience.people, moment)
        ranker = registry.serving.ranker_for(operator_id, versions, situation.screen_id)
        champion = registry.serving.champion_beside(operator_id, ranker)
        scored = score(ranker, context, audience, eligible, instead=champion)
        if not len(scored.eligible):
            raise NothingEligible(scene.key)
    with phases("auction"):
        slots = min(wish.slots or scene.slots, scene.slots)
        head = None if scored.degraded else serving.head(operator_id, versions, scored.model)
        rule = exploring.rule(head, exploration)
        picks = choose(scored, slots, rule, scene.key, random or exploring.chance())
    with phases("log"):
        slate = _log(operator_id, situation, scene, wish, audience, context, scored, rule, picks, moment)
        observe(
            operator_id=operator_id, decision_id=slate.decision_id, at=at, context=context, audience=audience,
            scored=scored, picks=picks, milliseconds=phases.milliseconds["rank"],
        )  # fmt: skip
    return slate


def context_of(situation: Situation, scene: SceneView, people: int, moment: datetime) -> Context:
    """Return what the ranker is told about place and time, as far as the scene's policy lets it.

    Args:
        moment: on the venue's clock.
    """
    context = Context(
        screen=situation.screen_public_id, venue=situation.venue_public_id, venue_category=situation.venue_category,
        scene=scene.key, hour=moment.hour, weekday=moment.weekday(), party=people,
    )  # fmt: skip
    return scene.policy.told(context)


def forget(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Unlink a person from every decision that was made for them, and return how many there were.

    The decisions stay as what a screen showed; nothing in them leads to the person or tells what they liked any more.
    May be repeated.
    """
    reasons_without_likings(operator_id=operator_id, subject_id=subject_id)
    linked = models.DecisionViewer.objects.filter(operator_id=operator_id, subject_id=subject_id)
    return {"decision_viewers": linked.update(subject_id=None, learn=False)}


@transaction.atomic
def keep_posterior(*, operator_id: UUID, model: str, posterior: Posterior, until: datetime) -> None:
    """Explore by what was learnt about a ranker's scores from the next decision on; what was learnt before goes.

    Args:
        model: version of the ranker.
        until: plays reported later were not learnt from.
    """
    models.Posterior.objects.update_or_create(
        operator_id=operator_id, model=model,
        defaults={
            "document": posterior.document(), "plays": posterior.plays, "engaged": posterior.engaged, "until": until,
        },
    )  # fmt: skip
    core.epochs.bump(operator_id=operator_id, topic=core.epochs.Topic.EXPLORATION)


@transaction.atomic
def drop_posteriors(*, operator_id: UUID, models_kept: Collection[str]) -> int:
    """Delete what was learnt about rankers that serve no more, and return for how many."""
    gone, _ = models.Posterior.objects.filter(operator_id=operator_id).exclude(model__in=models_kept).delete()
    return gone


def _log(
    operator_id: UUID,
    situation: Situation,
    scene: SceneView,
    wish: Wish,
    audience: Audience,
    context: Context,
    scored: Scored,
    rule: Rule,
    picks: Sequence[Pick],
    moment: datetime,
) -> Slate:
    at = moment.astimezone(UTC)
    personal = not scored.degraded
    lease_until = at + timedelta(milliseconds=sum(pick.offer.duration_ms for pick in picks)) + GRACE
    common = setting(audience, basis=scored.basis, venue_name=situation.venue_name, moment=moment)
    why = [
        reasons(
            common, category=pick.offer.category, paid=pick.offer.paid, personal=pick.offer.personal,
            propensity=pick.propensity, candidates=len(scored.eligible),
        )
        for pick in picks
    ]  # fmt: skip
    entry = log.Entry(
        operator_id=operator_id,
        screen_id=situation.screen_id,
        scene=scene.key,
        policy=scene.policy.key,
        at=at,
        lease_until=lease_until,
        basis=scored.basis,
        purposes=audience.purposes if personal else [],
        audience=audience.counts,
        context=context,
        criteria=dict(wish.criteria),
        model=scored.model,
        degraded=scored.degraded,
        exploration=rule.name,
        considered=pack(scored.eligible),
        viewers=[(person.id, person.id in audience.learning) for person in audience.personalised] if personal else [],
        places=[_place(pick, lines) for pick, lines in zip(picks, why, strict=True)],
    )
    decision_id = log.write(entry)
    places = [
        Place(pick, why[position], why_url(operator_id=operator_id, decision_id=decision_id, position=position))
        for position, pick in enumerate(picks)
    ]
    return Slate(
        decision_id, scene.key, at, lease_until, scored.basis.value, list(entry.purposes), scored.model,
        scored.degraded, places,
    )  # fmt: skip


def _place(pick: Pick, why: list[str]) -> log.Place:
    offer = pick.offer
    return log.Place(
        creative_id=offer.id, campaign_id=offer.campaign_id, category=offer.category,
        advertiser=offer.advertiser_public_id or "", duration_ms=offer.duration_ms, propensity=pick.propensity,
        score=pick.score, price_micros=offer.price_micros, reasons=why,
    )  # fmt: skip
