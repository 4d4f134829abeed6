"""Where in a history a behaviour stands."""

from __future__ import annotations

from typing import Any

from recsys.training.tensorflow import keras


class Places(keras.layers.Layer):  # type: ignore[misc]
    """Adds to each behaviour a learnt vector of its place; the newest is at place 0."""

    def build(self, shape: Any) -> None:
        """Make a vector for each place."""
        self.places = self.add_weight("places", tuple(shape[1:]), initializer=keras.initializers.RandomNormal(0, 0.02))

    def call(self, keys: Any) -> Any:
        """Add; (viewers, places, width)."""
        return keys + self.places
