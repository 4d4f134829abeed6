"""Machines, fusion, policies, cameras and the one decision they give."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.liveness import bundle, texture
from faceid.liveness.bundle import MANIFEST, Bundle
from faceid.liveness.calibration import MOST_SHIFT, calibrated
from faceid.liveness.capture import Capture, Look
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.fusion import LIMIT, UNFITTED, Fusion, limited, probability
from faceid.liveness.machine import Machine
from faceid.liveness.method import Evidence
from faceid.liveness.policy import ENROLMENT, SCREEN, Policy, Purpose, Rate, Target
from faceid.liveness.stills import COLOUR_TEXTURE, StillMethod, spread

POINTS = np.array([[40, 45], [80, 45], [60, 65], [45, 85], [75, 85]], dtype=np.float32)
FACE = Face(np.array([30, 20, 60, 90], dtype=np.float32), 0.9, POINTS)
IMAGE = np.random.default_rng(0).integers(0, 255, (120, 120, 3)).astype(np.uint8)


def _machine(features: int = 3, seed: int = 0) -> Machine:
    generator = np.random.default_rng(seed)
    return Machine(
        mean=generator.normal(size=features).astype(np.float32),
        projection=generator.normal(size=(features, 2)).astype(np.float32),
        vectors=generator.normal(size=(5, 2)).astype(np.float32),
        coefficients=generator.normal(size=5).astype(np.float32),
        width=0.3,
        offset=0.1,
        slope=2.0,
        intercept=-0.5,
    )


def _bundle() -> Bundle:
    return Bundle(
        stills=(StillMethod(COLOUR_TEXTURE, _machine(texture.LENGTH)),),
        fusion=Fusion((("first", 1.0), ("second", 0.0)), 0.25),
        thresholds={Purpose.ENROLMENT: 0.8, Purpose.SCREEN: 0.3},
        usual={"first": 2.0},
        training={"attacks": ["made"]},
    )


@dataclass(frozen=True)
class _Says:
    name: str
    score: float | None

    def judge(self, capture: Capture) -> Evidence | None:
        return None if self.score is None else Evidence(self.name, self.score)


def _detector(*methods: _Says) -> LivenessDetector:
    return LivenessDetector(methods, _bundle())


def _capture(looks: int = 1) -> Capture:
    return Capture(tuple(Look(IMAGE, FACE, at=float(index)) for index in range(looks)))


def test_a_machine_gives_the_sum_of_its_kernels() -> None:
    machine = _machine()
    features = np.array([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]], dtype=np.float32)

    points = (features - machine.mean) @ machine.projection
    expected = [
        sum(
            float(weight) * math.exp(-0.3 * float(((point - vector) ** 2).sum()))
            for weight, vector in zip(machine.coefficients, machine.vectors, strict=True)
        )
        + 0.1
        for point in points
    ]

    assert machine.decide(features) == pytest.approx(expected, abs=1e-4)
    assert machine.log_odds(features) == pytest.approx([2.0 * one - 0.5 for one in expected], abs=1e-4)


def test_a_machine_survives_its_file() -> None:
    machine = _machine()
    features = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)

    back = Machine.from_bytes(machine.to_bytes())

    assert np.array_equal(back.log_odds(features), machine.log_odds(features))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"nonsense"])
def test_bytes_that_are_no_machine_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="archive"):
        Machine.from_bytes(data)


def test_arrays_that_do_not_fit_each_other_are_refused() -> None:
    broken = replace(_machine(), coefficients=np.ones(4, dtype=np.float32)).to_bytes()

    with pytest.raises(ValueError, match="vectors"):
        Machine.from_bytes(broken)


def test_a_method_refuses_a_machine_of_another_descriptor() -> None:
    with pytest.raises(ValueError, match="3 features"):
        StillMethod(COLOUR_TEXTURE, _machine())


def test_a_film_is_judged_by_at_most_five_looks_the_last_among_them() -> None:
    looks = _capture(40).looks

    chosen = spread(looks, 5)

    assert len(chosen) == 5
    assert chosen[-1] is looks[-1]
    assert [look.at for look in spread(looks[:2], 5)] == [0.0, 1.0]


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_more_evidence_for_life_never_lowers_the_score(first: float, second: float) -> None:
    fusion = Fusion((("first", 0.7),), -0.2)
    low, high = sorted((first, second))

    assert fusion.log_odds([Evidence("first", low)]) <= fusion.log_odds([Evidence("first", high)])


def test_a_method_without_evidence_changes_nothing_and_an_unknown_one_counts_half() -> None:
    fusion = Fusion((("first", 1.0),), 0.25)

    assert fusion.log_odds([]) == 0.25
    assert fusion.log_odds([Evidence("first", 2.0)]) == 2.25
    assert fusion.log_odds([Evidence("first", 2.0), Evidence("new", -1.0)]) == 2.25 - UNFITTED
    assert fusion.log_odds([Evidence("first", 2.0), Evidence("infrared", -1.0)]) == 2.25 - 1.0


def test_another_sensor_that_sees_a_screen_outweighs_a_picture_that_looks_alive() -> None:
    fusion = Fusion((("first", 1.0),))

    assert probability(fusion.log_odds([Evidence("first", 4.0), Evidence("infrared", -8.0)])) < 0.2


@pytest.mark.parametrize(("score", "expected"), [(99.0, LIMIT), (-math.inf, -LIMIT), (math.nan, 0.0), (1.5, 1.5)])
def test_no_method_is_believed_beyond_the_limit(score: float, expected: float) -> None:
    assert limited(score) == expected


@given(st.floats(-800, 800))
def test_a_probability_is_one_and_mirrors(odds: float) -> None:
    assert 0.0 <= probability(odds) <= 1.0
    assert probability(odds) + probability(-odds) == pytest.approx(1.0)


def test_a_suspicion_is_an_answer_with_a_score_and_reasons() -> None:
    verdict = _detector(_Says("first", -3.0), _Says("second", 2.0), _Says("third", None)).judge(_capture(), SCREEN)

    assert not verdict.live
    assert verdict.score == pytest.approx(probability(-2.75))
    assert verdict.threshold == 0.3
    assert verdict.reasons == ("first",)
    assert [one.method for one in verdict.evidence] == ["first", "second"]


def test_the_same_capture_may_pass_at_a_screen_and_fail_at_enrolment() -> None:
    detector = _detector(_Says("first", 0.5))

    light, strict = detector.judge(_capture(), SCREEN), detector.judge(_capture(), ENROLMENT)

    assert (light.live, strict.live) == (True, False)
    assert light.reasons == ()
    assert strict.reasons == ("first",)


def test_a_required_method_without_evidence_lets_nobody_pass() -> None:
    detector = _detector(_Says("first", 6.0))
    policy = Policy(Purpose.ENROLMENT, required=frozenset({"challenge"}))

    assert detector.judge(_capture(), policy).reasons == ("missing_challenge",)
    assert detector.judge(_capture(), policy, extra=[Evidence("challenge", 3.0)]).live


def test_without_any_evidence_nobody_passes() -> None:
    verdict = _detector(_Says("first", None)).judge(_capture(), Policy(Purpose.SCREEN, threshold=0.0))

    assert not verdict.live
    assert verdict.reasons == ("no_evidence",)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, math.nan])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Policy(Purpose.SCREEN, threshold)


@pytest.mark.parametrize("most", [0.0, 1.0, math.nan])
def test_a_target_lies_between_never_and_always(most: float) -> None:
    with pytest.raises(ValueError, match="target"):
        Target(Rate.APCER, most)


def test_a_camera_that_makes_everybody_suspicious_is_made_up_for_but_never_by_much() -> None:
    detector = _detector(_Says("first", -1.0))
    few, many = detector.calibrate_camera([_capture()] * 3), detector.calibrate_camera([_capture()] * 40)

    assert dict(few.shifts)["first"] == pytest.approx(3.0 * 3 / 7)
    assert dict(many.shifts)["first"] > dict(few.shifts)["first"]
    assert detector.judge(_capture(), camera=many).score > detector.judge(_capture()).score
    far = calibrated([[Evidence("first", -99.0)]] * 100, {"first": 6.0})
    assert dict(far.shifts) == {"first": MOST_SHIFT}


def test_two_captures_do_not_calibrate_a_camera() -> None:
    with pytest.raises(ValueError, match="3 captures"):
        _detector(_Says("first", 1.0)).calibrate_camera([_capture()] * 2)


def test_a_bundle_survives_its_directory(tmp_path: Path) -> None:
    saved = _bundle()

    saved.save(tmp_path)
    back = Bundle.load(tmp_path)

    assert back.fusion == saved.fusion
    assert back.thresholds == saved.thresholds
    assert back.usual == saved.usual
    assert back.training == saved.training
    capture = _capture()
    assert back.stills[0].judge(capture) == saved.stills[0].judge(capture)


def test_a_bundle_without_a_method_of_today_loads_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _bundle().save(tmp_path)

    assert Bundle.load(tmp_path).untrained == ("image_distortion", "tone")
    assert [record.getMessage() for record in caplog.records] == [
        "Liveness is judged without image_distortion, tone, for which nothing was trained here: train it again "
        "(`make models`)."
    ]


def test_a_bundle_of_an_older_version_loads(tmp_path: Path) -> None:
    _bundle().save(tmp_path)
    fields = json.loads((tmp_path / MANIFEST).read_text())
    fields["machines"] = [{key: one[key] for key in ("file", "method", "sha256", "size")} for one in fields["machines"]]
    fields["training"] = {"attacks": ["made"], "held_out": {"screen": {"apcer": {"print": 0.1}, "bpcer": 0.1}}}
    (tmp_path / MANIFEST).write_text(json.dumps(fields))

    back = Bundle.load(tmp_path)

    assert back.training["held_out"]["screen"]["bpcer"] == 0.1
    assert [one.name for one in back.stills] == [COLOUR_TEXTURE]


@pytest.mark.parametrize("damage", ["manifest", "machine", "missing", "number", "size", "vast"])
def test_a_damaged_bundle_is_refused_with_a_remedy(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bundle().save(tmp_path)
    manifest, machine = tmp_path / MANIFEST, tmp_path / f"{COLOUR_TEXTURE}.npz"
    if damage == "manifest":
        manifest.write_text("{")
    elif damage == "machine":
        machine.write_bytes(machine.read_bytes()[:-1])
    elif damage == "missing":
        machine.unlink()
    elif damage == "size":
        manifest.write_text(manifest.read_text().replace('"size": ', '"size": 1'))
    elif damage == "vast":
        monkeypatch.setattr(bundle, "LARGEST", 1000)
    else:
        manifest.write_text(manifest.read_text().replace('"bias": 0.25', '"bias": "much"'))

    with pytest.raises(ModelsUnavailable, match="make models"):
        Bundle.load(tmp_path)
