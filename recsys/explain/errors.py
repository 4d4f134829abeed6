"""Why a score cannot be explained."""

from __future__ import annotations


class ExplanationRefused(ValueError):
    """A score cannot be explained from these files."""


class UnreadableTables(ExplanationRefused):
    """A model file does not hold its embedding tables where its explanation looks for them."""


class UnreadableGradients(ExplanationRefused):
    """A file is no gradient graph that onnxruntime can run, or explains another model."""


class IncompleteAttribution(ExplanationRefused):
    """The shares do not add up to what is to be explained, within the tolerance."""
