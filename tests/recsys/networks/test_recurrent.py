"""The recurrent state."""

from __future__ import annotations

import numpy as np

from recsys.features import Feature, FeatureSpec
from recsys.training.networks import build
from recsys.training.networks.recurrent import STATE


def test_the_state_begins_with_a_rotation_which_neither_grows_nor_fades():
    spec = FeatureSpec(
        (Feature("viewer", 9), Feature("creative", 9), Feature("history_creative", 9, length=5, table="creative"))
    )

    kernel = build("gru", spec, 2026).get_layer(STATE).get_weights()[1]

    turned = kernel @ kernel.T
    np.testing.assert_allclose(turned, np.eye(len(turned)), atol=1e-5)
