"""Nothing read from a face becomes a feature."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.features import DEFAULT_SPEC, Feature, FeatureSpec
from recsys.guard import ForbiddenFeature, is_forbidden, refuse_forbidden

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
    "average_dwell",
    "image_brightness",
    "essex",
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
