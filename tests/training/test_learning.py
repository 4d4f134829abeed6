"""What the log teaches an exploration head, and what it says of a challenger before it serves."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

import catalog.services
import decisions.selectors
import decisions.serving
import events.selectors
import registry.serving
import signage.services
import subjects.services
from accounts.models import Operator
from core.ids import public_id
from core.tenancy import operator_scope
from core.times import utc
from decisions.exploration import CHANCE
from decisions.models import Decision, DecisionViewer
from decisions.services import Slate, decide
from decisions.wish import Wish
from events.services import ingest
from identities.viewers import How, ViewerClaim, ViewerState, issue
from recsys.exploration.posterior import Posterior
from recsys.features import Candidates, Context, Viewer
from recsys.serving.uniform import UniformRanker
from training import exploration, export, lift, tasks
from training.exploration import learn_posteriors

RATES = {"Tea": 0.6, "Coffee": 0.3, "Milk": 0.1}
SHARED = {"actor": "member:test"}


@dataclass(frozen=True, slots=True)
class Favourite:
    """A ranker that gives one creative .5 and the others .2."""

    creative: str
    version: str = "favourite"

    def rank(self, context: Context, viewers: Sequence[Viewer], candidates: Candidates, position: int = 0) -> Any:
        """Score by the creative's key alone."""
        row = [0.5 if key == self.creative else 0.2 for key in candidates.keys]
        return np.array([row] * len(viewers), dtype=np.float32)


@dataclass
class Screen:
    """One screen that shows one of three drinks, and an audience whose taste is `RATES`."""

    operator_id: UUID
    screen_id: UUID
    player_id: UUID
    at: datetime
    drinks: dict[str, str]

    def decide(self, number: int, *viewers: str) -> Slate:
        """Decide for the visit of this number; visits are ten seconds apart, the last an hour ago."""
        return decide(
            operator_id=self.operator_id, player_id=self.player_id, wish=Wish(viewers=viewers),
            at=self.at + timedelta(seconds=10 * number), random=np.random.default_rng(number),
        )  # fmt: skip

    def viewer(self, *purposes: str) -> tuple[UUID, str]:
        """Register somebody and return them and their token."""
        notice = subjects.services.publish_notice(operator_id=self.operator_id, title="Be known", text="What we do.")
        subject = subjects.services.register(
            operator_id=self.operator_id, origin="kiosk", notice=notice, purposes=purposes, channel="kiosk",
            actor="device:test", method="tick_box", at=self.at - timedelta(minutes=1),
        ).subject  # fmt: skip
        claim = ViewerClaim(
            self.operator_id, self.screen_id, subject.id, ViewerState.RECOGNISED, self.at + timedelta(days=1), How.FACE
        )
        return subject.id, issue(claim)

    def visits(self, count: int, *viewers: str, first: int = 0) -> None:
        """Let people come by, see the first place, and engage as they like it."""
        random, batch = np.random.default_rng(first), []
        titles = {key: title for title, key in self.drinks.items()}
        for number in range(first, first + count):
            slate = self.decide(number, *viewers)
            name = {"decision": public_id("dec", slate.decision_id), "position": 0}
            play = {"event_id": str(uuid4()), "kind": "play", "started_at": utc(slate.at), "duration_ms": 8000}
            batch.append(name | play)
            if random.random() < RATES[titles[slate.places[0].pick.offer.public_id]]:
                at = utc(slate.at + timedelta(seconds=2))
                batch.append(name | {"event_id": str(uuid4()), "kind": "touch", "at": at})
        for start in range(0, len(batch), 400):
            ingest(
                operator_id=self.operator_id, screen_id=self.screen_id, player_id=self.player_id, sent_at=None,
                batch=batch[start : start + 400], received_at=self.at + timedelta(seconds=10 * (first + count)),
            )  # fmt: skip


@pytest.fixture
def screen(operator: Operator, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A venue with one screen and three drinks, under the untrained policy."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: UniformRanker())
    monkeypatch.setattr(decisions.serving, "_held", {})
    shared: dict[str, Any] = SHARED | {"operator_id": operator.id}
    at = timezone.now() - timedelta(hours=3)
    venue = signage.services.add_venue(name="Mall", category="retail.grocery", timezone="Europe/Berlin", **shared)
    scene = signage.services.add_scene(
        venue_id=venue.id, key="lobby", name="Lobby", policy="retail", slots=1, **shared
    )  # fmt: skip
    display = signage.services.add_screen(venue_id=venue.id, name="Door", default_scene_id=scene.id, **shared)
    pairing = signage.services.start_pairing(kind="signage", remote="here", at=timezone.now())
    player = signage.services.claim(code=pairing.code, screen_id=display.id, at=timezone.now(), **shared)
    picture = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(picture, "PNG")
    media = catalog.services.store_media(data=picture.getvalue(), content_type="image/png", **shared)
    drinks = {}
    for title in RATES:
        added = catalog.services.add_creative(
            title=title, category="drinks", duration_ms=8000, media_id=media.id, **shared
        )  # fmt: skip
        catalog.services.approve_creative(creative_id=added.id, **shared)
        drinks[title] = added.public_id
    return Screen(operator.id, display.id, player.id, at, drinks)


@pytest.fixture
def dataset(screen: Screen, tmp_path: Path) -> Callable[[], Path]:
    """Export the log as a training does."""

    def write() -> Path:
        rows = events.selectors.examples(operator_id=screen.operator_id, until=timezone.now())
        return export.write(rows, tmp_path / "examples.parquet", tell=lambda rows: None).path

    return write


def learn(screen: Screen) -> dict[str, int]:
    return learn_posteriors(operator_id=screen.operator_id, at=timezone.now())


def posterior(screen: Screen) -> Posterior:
    return Posterior.read(decisions.selectors.posteriors(operator_id=screen.operator_id)["uniform"])


def test_the_head_learns_what_people_like_and_explores_by_it(screen):
    screen.visits(210)

    assert learn(screen) == {"uniform": 210}

    effects = dict(zip(posterior(screen).arms, posterior(screen).effects, strict=True))
    tea, coffee, milk = (effects[screen.drinks[title]] for title in RATES)
    assert tea > coffee > milk
    screen.visits(30, first=210)
    shown = Decision.objects.exclude(exploration=CHANCE).filter(choices__creative__title="Tea").count()
    assert shown >= 22


def test_learning_again_counts_no_play_twice(screen, monkeypatch):
    monkeypatch.setattr(exploration, "LEAST_PLAYS", 30)
    screen.visits(40)
    learn(screen)
    before = posterior(screen)

    learn(screen)

    assert posterior(screen).digest() == before.digest()


def test_the_hourly_task_learns_for_every_operator(screen, monkeypatch):
    monkeypatch.setattr(exploration, "LEAST_PLAYS", 10)
    screen.visits(12)

    tasks.explore()

    with operator_scope(screen.operator_id):
        assert posterior(screen).plays == 12


def test_too_few_plays_leave_it_to_chance(screen):
    screen.visits(20)

    assert learn(screen) == {"uniform": 20}
    assert decisions.selectors.posteriors(operator_id=screen.operator_id) == {}


def test_nobody_is_learnt_from_who_did_not_agree_or_was_erased_since(screen):
    _, unwilling = screen.viewer("recognise", "personalise")
    gone, willing = screen.viewer("recognise", "personalise", "learn")
    screen.visits(10, unwilling)
    screen.visits(10, willing, first=10)
    screen.visits(10, first=20)
    assert DecisionViewer.objects.filter(learn=True).count() == 10

    assert learn(screen) == {"uniform": 20}
    decisions.services.forget(operator_id=screen.operator_id, subject_id=gone)
    assert learn(screen) == {"uniform": 10}


def test_a_challengers_lift_is_told_over_the_champion_or_over_what_was_shown(screen, dataset):
    screen.visits(900)
    path, tea, milk = dataset(), Favourite(screen.drinks["Tea"]), Favourite(screen.drinks["Milk"])

    better, worse = report(screen, path, tea, milk), report(screen, path, milk, None)

    weights = np.array([2.5**2.5, 1.0, 1.0]) / (2.5**2.5 + 2) * 0.95 + 0.05 / 3
    value = float(weights @ list(RATES.values()))
    assert better["rounds"] == 135
    assert better["values"]["ips"]["low"] < value < better["values"]["ips"]["high"]
    assert better["lifts"]["dr"]["low"] > 0
    assert better["over"] == "the champion"
    assert better["sentence"].endswith("over the champion, more.")
    assert worse["lifts"]["dr"]["value"] < 0
    assert worse["values"]["dr"]["value"] - worse["logged"]["value"] == pytest.approx(worse["lifts"]["dr"]["value"])
    assert "over what was shown" in worse["sentence"]


def test_too_little_overlap_is_an_answer(screen, dataset):
    screen.visits(120)

    found = report(screen, dataset(), Favourite(screen.drinks["Tea"]), None)

    assert found["reason"] == "too_little_overlap"
    assert found["sentence"].startswith("Too little overlap to tell. The 18 logged choices are worth")
    assert "lifts" not in found


def test_decisions_whose_candidates_are_not_known_any_more_are_counted_and_left_out(screen, dataset):
    screen.visits(120)
    Decision.objects.update(considered=b"")

    found = report(screen, dataset(), Favourite(screen.drinks["Tea"]), None)

    assert (found["rounds"], found["unreadable"]) == (0, 18)
    assert found["sentence"].startswith("No first place")


@pytest.mark.parametrize(("source", "unreadable"), [("published", 0), ("plays", 3)])
def test_rows_that_were_not_played_here_say_nothing_about_these_screens(screen, tmp_path, source, unreadable):
    rows = [
        {
            "example_id": f"pla_{number}", "at": screen.at + timedelta(minutes=number), "viewer": None,
            "creative": "crv_x", "category": "drinks", "advertiser": None, "screen": "", "venue": "",
            "venue_category": "", "scene": "", "hour": 1, "weekday": 1, "position": 0, "party": 1, "propensity": 0.5,
            "history_creatives": [], "history_categories": [], "label": 1, "source": source,
        }
        for number in range(20)
    ]  # fmt: skip
    path = export.write(rows, tmp_path / "rows.parquet", tell=lambda rows: None).path

    found = report(screen, path, Favourite("crv_x"), None)

    assert found == {"rounds": 0, "unreadable": unreadable, "sentence": found["sentence"]}
    assert found["sentence"].startswith("No first place")


def report(screen: Screen, path: Path, challenger: Favourite, champion: Favourite | None) -> dict[str, Any]:
    return lift.report(operator_id=screen.operator_id, dataset=path, challenger=challenger, champion=champion)
