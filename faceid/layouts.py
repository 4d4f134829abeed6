"""What the outputs of detectors mean: from grids of numbers to rows of box, landmarks and score."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ModelsUnavailable
from faceid.manifest import DetectorModel, Family, Level, Scores

COLUMNS: Final = 15
"""Columns of a row: left, top, width and height, five landmarks' x and y, score; pixels of the network's input."""

_YUNET_STRIDES: Final = (8, 16, 32)
_MOST_EXPONENT: Final = 10.0
"""Sides are given as logarithms of strides; more than e^10 of them are noise, and e^89 is infinite."""

Outputs = Mapping[str, NDArray[np.float32]]


def output_names(model: DetectorModel) -> tuple[str, ...]:
    """Name the outputs that decoding needs."""
    if model.family is Family.YUNET:
        return tuple(f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in _YUNET_STRIDES)
    return tuple(name for level in model.levels for name in (level.scores, level.boxes, level.landmarks))


def grid_of(model: DetectorModel) -> int:
    """Return the multiple in pixels that both sides of the input must be."""
    return max(_YUNET_STRIDES if model.family is Family.YUNET else (level.stride for level in model.levels))


def decode(
    outputs: Outputs, item: int, size: tuple[int, int], threshold: float, model: DetectorModel
) -> NDArray[np.float32]:
    """Turn one item's outputs into rows.

    Args:
        outputs: by name, each of shape (items, cells, numbers), or (cells, numbers) where a network knows one item.
        item: which item of the batch.
        size: height and width of the network's input in pixels.
        threshold: least score, 0 to 1.
        model: how the outputs are laid out.

    Returns:
        Rows of at least that score, shape (candidates, 15), in no order.

    Raises:
        ModelsUnavailable: the outputs have other shapes than the declared layout.
    """
    try:
        if model.family is Family.YUNET:
            found = [_yunet(outputs, item, size, threshold, stride) for stride in _YUNET_STRIDES]
        else:
            found = [_distances(outputs, item, size, threshold, level, model) for level in model.levels]
    except (ValueError, IndexError) as error:
        raise ModelsUnavailable(
            f"The outputs of {model.model.file} are not laid out as the family {model.family}.",
            expected=f"the shapes of that family, {model.anchors} boxes per cell.",
            remedy="Correct family, levels and anchors in the manifest.",
        ) from error
    rows = np.concatenate(found).astype(np.float32, copy=False)
    return rows[np.isfinite(rows).all(axis=1)]


def _yunet(outputs: Outputs, item: int, size: tuple[int, int], threshold: float, stride: int) -> NDArray[np.float32]:
    """Decode one grid of YuNet.

    As OpenCV's FaceDetectorYN does: centre and landmarks are offsets from the cell in strides, width and height
    logarithms of strides, and the score is the geometric mean of class and objectness.
    """
    classes, objects = outputs[f"cls_{stride}"][item, :, 0], outputs[f"obj_{stride}"][item, :, 0]
    scores = np.sqrt(np.clip(classes, 0.0, 1.0) * np.clip(objects, 0.0, 1.0))
    kept = np.flatnonzero(scores >= threshold)
    cells = _cells(kept, size[1] // stride)
    boxes, points = outputs[f"bbox_{stride}"][item, kept], outputs[f"kps_{stride}"][item, kept]
    sides = np.exp(np.minimum(boxes[:, 2:4], _MOST_EXPONENT)) * stride
    corners = (cells + boxes[:, :2]) * stride - sides / 2
    landmarks = (cells[:, None] + points.reshape(-1, 5, 2)) * stride
    return np.concatenate([corners, sides, landmarks.reshape(-1, 10), scores[kept, None]], axis=1)


def _distances(
    outputs: Outputs, item: int, size: tuple[int, int], threshold: float, level: Level, model: DetectorModel
) -> NDArray[np.float32]:
    """Decode one grid whose boxes are the distances, in strides, from the cell to the four sides.

    The layout of SCRFD (Guo et al., ICLR 2022) and of detectors trained with FCOS heads (Tian et al., ICCV 2019):
    cells in rows, several anchors per cell next to each other, landmarks as offsets from the cell in strides.
    """
    cells = (size[0] // level.stride) * (size[1] // level.stride) * model.anchors
    scores, boxes, points = (
        _item(outputs[name], item, cells, width)
        for name, width in ((level.scores, 1), (level.boxes, 4), (level.landmarks, 10))
    )
    likely = scores[:, 0] if model.scores is Scores.PROBABILITY else _sigmoid(scores[:, 0])
    kept = np.flatnonzero(likely >= threshold)
    centres = _cells(kept // model.anchors, size[1] // level.stride) * level.stride
    near, far = centres - boxes[kept, :2] * level.stride, centres + boxes[kept, 2:] * level.stride
    landmarks = centres[:, None] + points[kept].reshape(-1, 5, 2) * level.stride
    return np.concatenate([near, far - near, landmarks.reshape(-1, 10), likely[kept, None]], axis=1)


def _item(output: NDArray[np.float32], item: int, cells: int, width: int) -> NDArray[np.float32]:
    """Pick one item of an output, whether its file keeps the items' axis or knows only one."""
    values = output[item] if output.ndim == 3 else output
    return values.reshape(cells, width)


def _cells(kept: NDArray[np.intp], columns: int) -> NDArray[np.float32]:
    return np.stack([kept % columns, kept // columns], axis=1).astype(np.float32)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0))), dtype=np.float32)
