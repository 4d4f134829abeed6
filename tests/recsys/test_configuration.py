"""A configuration says all that a network is made of, and refuses what makes no sense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.training.configuration import KINDS, USES, NetworkConfig
from recsys.training.errors import BadRequest


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_usual_configuration_that_survives_json(kind):
    config = NetworkConfig.of(kind)

    document = json.loads(json.dumps(config.document()))

    assert NetworkConfig.parse(document) == config
    assert set(document) == {"kind", *USES[kind]}


@given(
    st.sampled_from(KINDS),
    st.fixed_dictionaries(
        {},
        optional={
            "width": st.integers(1, 512),
            "hidden": st.lists(st.integers(1, 4_096), min_size=1, max_size=6),
            "dropout": st.floats(0, 0.95),
            "learning_rate": st.floats(1e-7, 1.0),
            "picture": st.integers(0, 4_096),
        },
    ),
)
def test_what_is_changed_is_kept_and_changes_the_digest(kind, changes):
    changes = {name: value for name, value in changes.items() if name in USES[kind]}

    config = NetworkConfig.of(kind, **changes)

    again = NetworkConfig.parse(json.loads(json.dumps(config.document())))
    assert again == config
    assert {name: again.document()[name] for name in changes} == changes
    assert (again.digest == NetworkConfig.of(kind).digest) == (again == NetworkConfig.of(kind))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"kind": "dien"}, "kind"),
        ({}, "kind"),
        ([], "object"),
        ({"kind": ["din"]}, "kind"),
        ({"kind": "deepfm", "colour": 3}, "colour"),
        ({"kind": "deepfm", "attention": [8]}, "attention"),
        ({"kind": "din", "width": 0}, "width"),
        ({"kind": "din", "width": 8.5}, "width"),
        ({"kind": "din", "width": True}, "width"),
        ({"kind": "din", "hidden": []}, "hidden"),
        ({"kind": "din", "hidden": 64}, "hidden"),
        ({"kind": "din", "hidden": [64, "32"]}, "hidden"),
        ({"kind": "din", "dropout": 1.0}, "dropout"),
        ({"kind": "din", "learning_rate": float("nan")}, "learning_rate"),
        ({"kind": "din", "penalty": -1}, "penalty"),
        ({"kind": "din", "penalty": "much"}, "penalty"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(content, named):
    with pytest.raises(BadRequest, match=named):
        NetworkConfig.parse(content)


def test_numbers_that_a_kind_does_not_look_at_do_not_change_its_digest():
    assert NetworkConfig("deepfm", width=8, heads=4).digest == NetworkConfig.of("deepfm").digest
    assert NetworkConfig.of("deepfm", width=9).digest != NetworkConfig.of("deepfm").digest


@pytest.mark.training
def test_heads_that_do_not_share_a_behaviour_evenly_are_refused():
    from recsys.features import specify
    from recsys.training.networks import build

    for kind in ("bst", "sasrec"):
        with pytest.raises(BadRequest, match="heads must divide the width of a behaviour, 24, got 5"):
            build(NetworkConfig.of(kind, heads=5), specify(viewers=11, creatives=11, history=3), 1)
