"""What a ranking model's file says about itself."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from recsys.serving.calibration import Calibration

__all__ = ["FLAT", "PREFIX", "SPLIT", "Calibration", "ModelMetadata"]

PREFIX = "vitrine."
TOWER = PREFIX + "tower."
SPLIT = "split"
"""The graph of ranking: viewers and candidates apart, see `recsys.features.encode`."""
FLAT = "flat"
"""Any other graph: one row for each output. Files that do not say what they are, are taken for this."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """Properties stored inside an ONNX file.

    Attributes:
        kind: of network, one of `recsys.training.request.Kind` where it ranks.
        spec: digest of the feature specification.
        data: digest of the training data.
        trained_at: UTC, ISO 8601.
        graph: how its inputs are laid out, `split` or `flat`.
        vision: what described the pictures it learnt from, see `recsys.pictures`; empty when it looks at none.
        towers: ONNX graphs of retrieval by name, see `recsys.serving.retrieval`; none when there are none. They are
            kept inside the file, so that one digest vouches for all and one deletion forgets all.
    """

    kind: str
    spec: str
    data: str
    trained_at: str
    calibration: Calibration
    graph: str = FLAT
    vision: str = ""
    towers: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def properties(self) -> dict[str, str]:
        """Write the metadata as ONNX properties."""
        towers = {TOWER + name: b64encode(graph).decode() for name, graph in self.towers.items()}
        vision = {PREFIX + "vision": self.vision} if self.vision else {}
        return (
            towers
            | vision
            | {
                PREFIX + "kind": self.kind,
                PREFIX + "graph": self.graph,
                PREFIX + "spec": self.spec,
                PREFIX + "data": self.data,
                PREFIX + "trained_at": self.trained_at,
                PREFIX + "calibration": json.dumps(self.calibration.document(), sort_keys=True),
            }
        )

    @classmethod
    def read(cls, properties: Mapping[str, str]) -> ModelMetadata:
        """Read the metadata from ONNX properties.

        Raises:
            KeyError: a property is missing.
            ValueError: the calibration or a tower is none.
        """
        return cls(
            kind=properties[PREFIX + "kind"],
            spec=properties[PREFIX + "spec"],
            data=properties[PREFIX + "data"],
            trained_at=properties[PREFIX + "trained_at"],
            calibration=Calibration.read(properties[PREFIX + "calibration"]),
            graph=properties.get(PREFIX + "graph", FLAT),
            vision=properties.get(PREFIX + "vision", ""),
            towers={
                name.removeprefix(TOWER): b64decode(graph, validate=True)
                for name, graph in properties.items()
                if name.startswith(TOWER)
            },
        )
