"""Nothing read from a face, and nothing people may not be sorted by, becomes a feature."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.features import DEFAULT_SPEC, Feature, FeatureSpec
from recsys.guard import FAMILIES, FeaturePolicy, ForbiddenFeature, Ground, is_forbidden, refuse_forbidden
from recsys.training.__main__ import main
from recsys.training.dataset import SCHEMA, read_dataset
from recsys.training.errors import BadRequest
from recsys.training.request import TrainingRequest

FORBIDDEN = [
    "face",
    "face_embedding",
    "FaceVector",
    "embedding",
    "template",
    "sface_128",
    "faceid",
    "age",
    "viewerAge",
    "age_group",
    "AGE2",
    "sex",
    "gender",
    "Gender-Guess",
    "emotion",
    "mood",
    "smile",
    "ethnicity",
    "race",
    "skin_tone",
    "biometricKey",
    "landmarks",
    "date_of_birth",
    "liveness_score",
    "creative_age",
    "nationality",
    "religion",
    "is_pregnant",
    "maritalStatus",
    "disability",
    "political_party",
    "birthplace",
    "face_picture",
    "creative_face_picture",
    "viewer_picture",
    "PhotoOfPerson",
    "visitorImage",
    "camera_frame",
    "selfie",
]
INNOCENT = [
    "page",
    "stage",
    "language",
    "message_length",
    "surface",
    "interface",
    "facet",
    "sussex_store",
    "terrace",
    "trace_id",
    "creative_embedding",
    "creative_picture",
    "picture_frame_store",
    "average_dwell",
    "image_brightness",
    "essex",
    "marathon_store",
    "category_politics_count",
    "postcode",
    "generic_name",
]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_comes_from_a_face_is_refused_by_name(name):
    with pytest.raises(ForbiddenFeature, match=name) as refusal:
        refuse_forbidden(["hour", name, "screen"])

    assert refusal.value.name == name


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_words_that_look_alike_pass(name):
    assert not is_forbidden(name)


def test_the_default_features_pass():
    refuse_forbidden(DEFAULT_SPEC.names)


def test_a_specification_with_a_forbidden_feature_cannot_be_made():
    with pytest.raises(ForbiddenFeature, match="viewer_gender"):
        FeatureSpec((*DEFAULT_SPEC.features, Feature("viewer_gender", 3)))


@given(
    word=st.sampled_from(["face", "age", "gender", "emotion", "race", "sex", "mood", "ethnicity", "embedding"]),
    before=st.sampled_from(["", "viewer_", "mean-", "x.", "HISTORY_", "the "]),
    after=st.sampled_from(["", "_id", "-score", "Value", " 1", "_x"]),
    change=st.sampled_from([str.lower, str.title]),
)
def test_no_prefix_suffix_or_spelling_hides_a_forbidden_word(word, before, after, change):
    assert is_forbidden(before + change(word) + after)


@pytest.mark.parametrize(
    ("name", "ground"),
    [
        ("face_vector", Ground.FACE),
        ("mood", Ground.FACE),
        ("gender", Ground.PROTECTED),
        ("age_group", Ground.PROTECTED),
        ("religion", Ground.PROTECTED),
    ],
)
def test_a_refusal_says_on_what_ground(name, ground):
    finding = FeaturePolicy().finding(name)

    assert finding is not None
    assert (finding.name, finding.ground, finding.entry) == (name, ground, "")
    assert name in str(finding)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("postcode", "wealth"),
        ("homePostcode", "wealth"),
        ("venue_zip_code", "wealth"),
        ("ZIP5", "wealth"),
        ("household-income", "wealth"),
        ("credit_score_band", "wealth"),
        ("job title", "wealth"),
        ("viewer_surname", "origin"),
        ("native_language", "origin"),
        ("heart_rate", "health"),
        ("last_prescription", "health"),
    ],
)
def test_a_stand_in_is_refused_where_a_scene_denies_its_family(name, family):
    finding = FeaturePolicy(frozenset({family})).finding(name)

    assert finding is not None
    assert (finding.ground, finding.entry) == (Ground.DENIED, family)
    assert FeaturePolicy(frozenset(FAMILIES) - {family}).finding(name) is None
    assert FeaturePolicy().finding(name) is None


@pytest.mark.parametrize("name", ["parent", "zipper", "torrent", "language", "current", "scarred", "symptomatic"])
def test_no_family_takes_a_word_for_another(name):
    assert FeaturePolicy(frozenset(FAMILIES)).finding(name) is None


def test_a_denied_name_means_that_name_and_a_pattern_means_all_it_matches():
    policy = FeaturePolicy(frozenset({"venue", "loyalty_*"}))

    assert [
        finding.name for finding in policy.findings(["Venue", "venue_category", "loyaltyTier", "loyalty", "hour"])
    ] == [
        "Venue",
        "loyaltyTier",
    ]
    assert policy.denies("venue")
    assert not policy.denies("screen")


def test_no_deny_list_lets_a_face_or_a_protected_attribute_through():
    policy = FeaturePolicy(frozenset({"nothing"}))

    with pytest.raises(ForbiddenFeature, match="face_embedding"):
        policy.refuse(["hour", "face_embedding"])


def test_findings_keep_the_order_of_the_features():
    names = ["hour", "gender", "postcode", "screen", "face"]

    assert [one.name for one in FeaturePolicy(frozenset({"wealth"})).findings(names)] == ["gender", "postcode", "face"]


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    data=st.data(),
    before=st.sampled_from(["", "viewer_", "mean-", "x.", "HISTORY_"]),
    after=st.sampled_from(["", "_id", "-score", " 1"]),
)
def test_no_prefix_or_suffix_hides_a_member_of_a_denied_family(family, data, before, after):
    member = data.draw(st.sampled_from(sorted(FAMILIES[family])))
    spelt = data.draw(st.sampled_from([member.replace(" ", "_"), member.upper().replace(" ", "-"), member]))

    assert FeaturePolicy(frozenset({family})).finding(before + spelt + after) is not None


@pytest.fixture
def log_with(write_log, planted):
    """Write a log with one more column."""

    def write(column):
        table = pa.Table.from_pylist(planted.rows[:200], schema=SCHEMA)
        return write_log(table.append_column(column, pa.array(["x"] * 200)))

    return write


@pytest.mark.parametrize("column", ["face_cluster", "viewer_gender"])
def test_a_log_with_a_forbidden_column_is_not_read(log_with, column):
    with pytest.raises(ForbiddenFeature, match=column):
        read_dataset(log_with(column))


def test_a_log_with_a_column_that_a_scene_denies_is_not_read_for_that_scene(log_with):
    path = log_with("home_postcode")

    assert len(read_dataset(path)) == 200
    with pytest.raises(ForbiddenFeature, match=r"home_postcode.*denies \(wealth\)"):
        read_dataset(path, policy=FeaturePolicy(frozenset({"wealth"})))


def test_a_ranking_feature_that_is_denied_fails_by_name(planted):
    with pytest.raises(ForbiddenFeature, match="'party'"):
        read_dataset(planted.path, policy=FeaturePolicy(frozenset({"party"})))


def test_a_training_fails_with_the_features_name_and_writes_no_model(log_with, tmp_path):
    request = TrainingRequest(log_with("home_postcode"), tmp_path / "models", denied=("wealth",))
    request.write(tmp_path / "request.json")

    status = main([str(tmp_path / "request.json"), str(tmp_path / "report.json")])

    assert status == 2
    assert json.loads((tmp_path / "report.json").read_text()) == {
        "error": "forbidden_feature",
        "detail": "feature 'home_postcode' is on the list of what a scene denies (wealth)",
    }
    assert not (tmp_path / "models").exists()


def test_a_request_is_read_with_what_it_denies(tmp_path):
    request = TrainingRequest(tmp_path / "log.parquet", tmp_path, denied=("wealth", "loyalty_*"))
    request.write(tmp_path / "request.json")

    assert TrainingRequest.read(tmp_path / "request.json") == request


@pytest.mark.parametrize("denied", ["wealth", [1], [""], None])
def test_a_request_that_denies_no_names_is_refused(tmp_path, denied):
    with pytest.raises(BadRequest, match="denied"):
        TrainingRequest.parse({"parquet": "log", "output": str(tmp_path), "denied": denied})
