"""An operator's own gallery says what counts as recognised."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

import signage.services
from accounts.models import Operator
from audit.models import Entry
from core import epochs
from core.epochs import Topic, bump
from core.problems import NotFound
from core.tenancy import operator_scope
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.openset.calibration import Calibration
from faceid.openset.templates import Templates
from identities import thresholds
from identities.errors import CalibrationImpossible
from identities.faces import pipeline
from identities.models import Calibration as CalibrationRow
from identities.services.calibration import calibrate
from signage.models import Screen, Venue
from subjects.models import Consent


@pytest.fixture
def strangers(unit_vectors: Any) -> Templates:
    """Vectors of nobody, as a public impostor set gives them."""
    names = np.array([f"x{number}" for number in range(1200)])
    return Templates(pipeline().contract().id, unit_vectors(1200), names)


@pytest.fixture
def calibrated(operator: Operator, enrolled: Any, strangers: Templates, at: Any) -> Calibration:
    """Two people enrolled, and the threshold that their gallery needs."""
    enrolled("obama")
    enrolled("biden")
    return calibrate(operator_id=operator.id, target=0.02, actor="member:test", at=at, impostors=strangers)


def rule(operator: Operator) -> thresholds.Rule:
    return thresholds.rule(operator.id, pipeline(), epochs.versions(operator_id=operator.id))


def set_threshold(operator: Operator, made: Calibration, threshold: float) -> None:
    content = replace(made, threshold=threshold).fields()
    CalibrationRow.objects.filter(operator_id=operator.id).update(content=content)
    bump(operator_id=operator.id, topic=Topic.GALLERY)


def test_without_a_calibration_the_defaults_hold(operator: Operator) -> None:
    assert rule(operator) == thresholds.Rule(THRESHOLD_DEFAULT, IMPOSTOR_MARGIN)


def test_a_calibration_is_recognised_by_from_the_next_request_on(
    operator: Operator, calibrated: Calibration, player: APIClient, frame_of: Any, show: Any
) -> None:
    assert rule(operator).threshold == calibrated.threshold < THRESHOLD_DEFAULT
    assert show(player, frame_of("obama_again")).json()["viewers"][0]["state"] == "recognised"

    set_threshold(operator, calibrated, 0.99)

    assert show(player, frame_of("obama_again")).json()["viewers"][0]["state"] == "anonymous"


def test_calibrating_needs_no_query_while_nothing_changed(
    operator: Operator, calibrated: Calibration, django_assert_num_queries: Any
) -> None:
    versions = epochs.versions(operator_id=operator.id)
    thresholds.rule(operator.id, pipeline(), versions)

    with django_assert_num_queries(0):
        assert thresholds.rule(operator.id, pipeline(), versions).threshold == calibrated.threshold


def test_protected_templates_give_the_threshold_of_the_plain_ones(
    calibrated: Calibration, strangers: Templates, frame_of: Any
) -> None:
    import faceid.image

    plain = np.stack(
        [pipeline().enrolment(faceid.image.decode(frame_of(name))).embedding for name in ("obama", "biden")]
    )

    best = (strangers.vectors @ plain.T).max(axis=1)

    assert np.mean(best >= calibrated.threshold) == pytest.approx(0.02, abs=1 / 1200)


def test_a_calibration_of_another_recogniser_is_not_used(operator: Operator, calibrated: Calibration) -> None:
    CalibrationRow.objects.filter(operator_id=operator.id).update(contract="emb_other")
    bump(operator_id=operator.id, topic=Topic.GALLERY)

    assert rule(operator).threshold == THRESHOLD_DEFAULT
    advice = thresholds.advice(operator_id=operator.id, pipeline=pipeline(), gallery_size=2)
    assert advice is not None
    assert "recogniser changed" in advice


def test_a_doubled_gallery_is_pointed_out(operator: Operator, calibrated: Calibration) -> None:
    def advice(size: int) -> str | None:
        return thresholds.advice(operator_id=operator.id, pipeline=pipeline(), gallery_size=size)

    assert advice(3) is None
    assert "from 2 to 4" in str(advice(4))


def test_what_cannot_be_calibrated_changes_nothing(
    operator: Operator, enrolled: Any, strangers: Templates, at: Any
) -> None:
    def refused(impostors: Templates | None) -> str:
        with pytest.raises(CalibrationImpossible) as error:
            calibrate(operator_id=operator.id, target=0.02, actor="member:test", at=at, impostors=impostors)
        return str(error.value.detail)

    assert "Nobody is enrolled" in refused(None)
    enrolled("obama")
    assert "Fewer than two subjects" in refused(strangers)
    enrolled("biden")
    assert "2 impostor searches" in refused(None)
    assert "contract" in refused(replace(strangers, contract="emb_other"))
    assert not CalibrationRow.objects.exists()
    assert rule(operator).threshold == THRESHOLD_DEFAULT


def test_another_operator_sees_no_calibration(
    operator: Operator, other_operator: Operator, calibrated: Calibration
) -> None:
    with operator_scope(other_operator.id):
        assert not CalibrationRow.objects.exists()
        assert rule(other_operator).threshold == THRESHOLD_DEFAULT


def test_the_command_calibrates_and_says_what_holds(
    operator: Operator, enrolled: Any, strangers: Templates, tmp_path: Path
) -> None:
    enrolled("obama")
    enrolled("biden")
    strangers.save(tmp_path / "strangers.npz")

    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("calibrate_faces", operator.slug, *arguments, stdout=out)
        return out.getvalue()

    assert "Threshold 0.4400, margin 0.05 (default); 2 subjects enrolled." in run("--status")
    assert "for 2 subjects, from 1,200 impostors: 2.00%" in run(
        "--impostors", str(tmp_path / "strangers.npz"), "--fpir", "0.02"
    )
    assert "calibrated" in run("--status")
    with pytest.raises(CommandError, match="cannot be read"):
        run("--impostors", str(tmp_path / "absent.npz"))
    with pytest.raises(CommandError, match="no operator"):
        call_command("calibrate_faces", "nobody")


class TestVenue:
    """A venue's own share of the gallery says what counts as recognised at its screens, and nowhere else."""

    @pytest.fixture
    def elsewhere(self, operator: Operator) -> Venue:
        return signage.services.add_venue(
            operator_id=operator.id, name="Depot", category="retail.grocery", timezone="UTC", actor="member:test"
        )

    def at_venue(self, operator: Operator, venue_id: Any) -> float:
        versions = epochs.versions(operator_id=operator.id)
        return thresholds.rule(operator.id, pipeline(), versions, venue_id=venue_id).threshold

    def test_its_calibration_goes_before_the_operators(
        self,
        operator: Operator,
        screen: Screen,
        elsewhere: Venue,
        calibrated: Calibration,
        strangers: Templates,
        at: Any,
    ) -> None:
        made = calibrate(
            operator_id=operator.id, target=0.1, actor="member:test", at=at, impostors=strangers,
            venue_id=screen.venue_id,
        )  # fmt: skip

        assert made.threshold < calibrated.threshold
        assert self.at_venue(operator, screen.venue_id) == made.threshold
        assert self.at_venue(operator, elsewhere.id) == calibrated.threshold
        assert rule(operator).threshold == calibrated.threshold
        [entry] = Entry.objects.filter(action="recognition.calibrated").exclude(detail__venue=None)
        assert entry.detail["venue"] == screen.venue.public_id

    def test_screens_recognise_by_it(
        self, operator: Operator, screen: Screen, calibrated: Calibration, player: APIClient, frame_of: Any, show: Any
    ) -> None:
        contract = pipeline().contract().id
        content = replace(calibrated, threshold=0.99).fields()
        own = CalibrationRow.objects.create(
            operator_id=operator.id, contract=contract, venue=screen.venue, content=content
        )
        bump(operator_id=operator.id, topic=Topic.GALLERY)
        assert show(player, frame_of("obama_again")).json()["viewers"][0]["state"] == "anonymous"

        own.delete()
        bump(operator_id=operator.id, topic=Topic.GALLERY)

        assert show(player, frame_of("obama_again")).json()["viewers"][0]["state"] == "recognised"

    def test_it_is_made_from_those_who_may_match_there(
        self, operator: Operator, screen: Screen, elsewhere: Venue, enrolled: Any, strangers: Templates, at: Any
    ) -> None:
        enrolled("obama")
        enrolled("biden")

        def calibrated_at(venue: Venue) -> Calibration:
            return calibrate(
                operator_id=operator.id, target=0.1, actor="member:test", at=at, impostors=strangers, venue_id=venue.id
            )

        assert calibrated_at(elsewhere).gallery_size == 2

        Consent.objects.filter(operator_id=operator.id).update(venue_id=screen.venue_id)

        assert calibrated_at(screen.venue).gallery_size == 2
        with pytest.raises(CalibrationImpossible, match="Nobody is enrolled here"):
            calibrated_at(elsewhere)

    def test_one_of_another_operator_or_recogniser_is_refused_and_changes_nothing(
        self, operator: Operator, other_operator: Operator, screen: Screen, calibrated: Calibration,
        strangers: Templates, at: Any,
    ) -> None:  # fmt: skip
        def attempt(operator_id: Any, impostors: Templates) -> None:
            calibrate(
                operator_id=operator_id, target=0.1, actor="member:test", at=at, impostors=impostors,
                venue_id=screen.venue_id,
            )  # fmt: skip

        with pytest.raises(CalibrationImpossible, match="contract"):
            attempt(operator.id, replace(strangers, contract="emb_other"))
        with operator_scope(other_operator.id), pytest.raises(NotFound):
            attempt(other_operator.id, strangers)

        assert self.at_venue(operator, screen.venue_id) == calibrated.threshold
        assert CalibrationRow.objects.count() == 1

    def test_one_of_an_earlier_recogniser_is_not_used(
        self, operator: Operator, screen: Screen, calibrated: Calibration
    ) -> None:
        CalibrationRow.objects.create(
            operator_id=operator.id, contract="emb_other", venue=screen.venue, content=calibrated.fields()
        )
        bump(operator_id=operator.id, topic=Topic.GALLERY)

        assert self.at_venue(operator, screen.venue_id) == calibrated.threshold
        advice = thresholds.advice(
            operator_id=operator.id, pipeline=pipeline(), gallery_size=2, venue_id=screen.venue_id
        )
        assert "operator's threshold holds" in str(advice)

    def test_no_venue_has_two_and_none_of_another_operators(
        self, operator: Operator, other_operator: Operator, screen: Screen, calibrated: Calibration
    ) -> None:
        contract = pipeline().contract().id
        for venue in (None, screen.venue):
            CalibrationRow.objects.update_or_create(
                operator_id=operator.id, contract=contract, venue=venue, defaults={"content": {}}
            )
            with pytest.raises(IntegrityError, match="calibration_once"), transaction.atomic():
                CalibrationRow.objects.create(operator_id=operator.id, contract=contract, venue=venue, content={})
        violated = pytest.raises(IntegrityError, match="calibration_at_venue_of_operator")
        with operator_scope(other_operator.id), violated, transaction.atomic():
            CalibrationRow.objects.create(
                operator_id=other_operator.id, contract=contract, venue=screen.venue, content={}
            )

    def test_the_command_calibrates_tells_and_forgets(
        self, operator: Operator, screen: Screen, calibrated: Calibration, strangers: Templates, tmp_path: Path
    ) -> None:
        strangers.save(tmp_path / "strangers.npz")
        venue = screen.venue.public_id

        def run(*arguments: str) -> str:
            out = StringIO()
            call_command("calibrate_faces", operator.slug, "--venue", venue, *arguments, stdout=out)
            return out.getvalue()

        assert "calibrated by the operator" in run("--status")
        assert "10.00%" in run("--impostors", str(tmp_path / "strangers.npz"), "--fpir", "0.1")
        assert "calibrated by the operator" not in run("--status")
        assert "Forgotten." in run("--forget")
        assert "calibrated by the operator" in run("--status")
        assert "nothing to forget" in run("--forget")
        with pytest.raises(CommandError, match="ven_"):
            call_command("calibrate_faces", operator.slug, "--venue", "depot")


class TestHint:
    """What the console tells an operator."""

    def test_nothing_while_nobody_is_enrolled(self, operator: Operator, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            assert thresholds.hint(operator_id=operator.id) is None

    def test_a_gallery_that_was_never_calibrated_and_is_large_enough(
        self, operator: Operator, enrolled: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enrolled("obama")
        enrolled("biden")
        assert thresholds.hint(operator_id=operator.id) is None

        monkeypatch.setattr(thresholds, "_WORTHWHILE", 2)

        assert "never calibrated" in str(thresholds.hint(operator_id=operator.id))

    def test_a_gallery_that_doubled(self, operator: Operator, calibrated: Calibration) -> None:
        assert thresholds.hint(operator_id=operator.id) is None
        content = replace(calibrated, gallery_size=1).fields()
        CalibrationRow.objects.filter(operator_id=operator.id).update(content=content)

        assert "from 1 to 2" in str(thresholds.hint(operator_id=operator.id))

    def test_another_recogniser(self, operator: Operator, calibrated: Calibration) -> None:
        CalibrationRow.objects.filter(operator_id=operator.id).update(contract="emb_other")

        assert "recogniser changed" in str(thresholds.hint(operator_id=operator.id))

    def test_nothing_where_the_key_is_lost(self, operator: Operator, enrolled: Any, tmp_path: Path) -> None:
        enrolled("obama")
        for key in tmp_path.rglob("*.key"):
            key.unlink()
        bump(operator_id=operator.id, topic=Topic.GALLERY)

        assert thresholds.hint(operator_id=operator.id) is None
