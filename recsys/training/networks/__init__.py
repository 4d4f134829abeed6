"""Ranking networks, built from the feature specification."""

from __future__ import annotations

from recsys.features import FeatureSpec
from recsys.training.networks import deepfm, din
from recsys.training.networks.network import Layout, Network
from recsys.training.request import Kind


def build(kind: Kind, spec: FeatureSpec, seed: int) -> Network:
    """Build an untrained network that gives the probability of engagement; see `network` for its graph."""
    layout = Layout(spec)
    if kind == "deepfm":
        return deepfm.build(layout, seed)
    return din.build(layout, seed, dot=kind == "dotdin")
