"""A fitted support vector machine, kept as plain arrays and evaluated with numpy."""

import io
import zipfile
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

_DIMENSIONS = {
    "mean": 1, "projection": 2, "vectors": 2, "coefficients": 1, "width": 0, "offset": 0, "slope": 0, "intercept": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A machine with radial basis functions on projected features, and the line from its output to log-odds.

    Attributes:
        mean: subtracted from the features, float32, shape (features,).
        projection: from centred features to axes, float32, shape (features, axes).
        vectors: support vectors on the axes, float32, shape (vectors, axes).
        coefficients: of the support vectors, float32, shape (vectors,); positive ones are of living people.
        width: gamma of ``exp(-gamma |x - y|^2)``.
        offset: added to the sum.
        slope, intercept: of the line to log-odds (Platt, 1999).
    """

    mean: NDArray[np.float32] = field(repr=False)
    projection: NDArray[np.float32] = field(repr=False)
    vectors: NDArray[np.float32] = field(repr=False)
    coefficients: NDArray[np.float32] = field(repr=False)
    width: float
    offset: float
    slope: float = 1.0
    intercept: float = 0.0

    def decide(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the machine's raw output.

        Args:
            features: float32, shape (n, features).

        Returns:
            float64, shape (n,); positive on the side of living people.

        Cortes, Vapnik, Machine Learning 20, 1995, eq. 34.
        """
        points = (features - self.mean) @ self.projection
        squares = (points**2).sum(axis=1)[:, None] + (self.vectors**2).sum(axis=1) - 2.0 * points @ self.vectors.T
        near = np.exp(-self.width * np.maximum(squares, 0.0))
        return np.asarray(near @ self.coefficients + self.offset, dtype=np.float64)

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return log-odds of a living person, float64, shape (n,), for features of shape (n, features)."""
        return self.slope * self.decide(features) + self.intercept

    def to_bytes(self) -> bytes:
        """Write the arrays as an npz archive; nothing in it is ever unpickled."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            mean=self.mean,
            projection=self.projection,
            vectors=self.vectors,
            coefficients=self.coefficients,
            width=np.float64(self.width),
            offset=np.float64(self.offset),
            slope=np.float64(self.slope),
            intercept=np.float64(self.intercept),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: it is something else, or its arrays do not fit each other.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: np.asarray(archive[name]) for name in _DIMENSIONS}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError("not an archive of a machine") from error
        _require_fit(arrays)
        wide = {name: array.astype(np.float32) for name, array in arrays.items() if array.ndim}
        single = {name: float(array) for name, array in arrays.items() if not array.ndim}
        return cls(**wide, **single)  # type: ignore[arg-type]


def _require_fit(arrays: dict[str, NDArray[np.generic]]) -> None:
    for name, dimensions in _DIMENSIONS.items():
        array = arrays[name]
        if array.ndim != dimensions or not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite numbers of {dimensions} dimensions")
    features, axes = arrays["projection"].shape
    if arrays["mean"].shape != (features,):
        raise ValueError("mean and projection differ in length")
    if arrays["vectors"].shape != (len(arrays["coefficients"]), axes):
        raise ValueError("vectors fit neither coefficients nor projection")
