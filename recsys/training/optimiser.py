"""Adam that touches only what a batch touches, and Adagrad for tables in its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys.training.tensorflow import keras, tf

LEARNING_RATE = 1e-3
FIRST, SECOND = 0.9, 0.999
EPSILON = 1e-7
SWIFTER = 20.0
"""Times the learning rate by which Adagrad moves a row at first."""
_NOTHING = 1e-20
"""What squares of gradients begin with: far below those of a mean over any batch."""
_YOUNG = 20_000
"""Steps after which moments lack nothing any more, as far as float32 can tell."""
_OF_YOUNG = np.array(
    [0.0, *((1 - SECOND**steps) ** 0.5 / (1 - FIRST**steps) for steps in range(1, _YOUNG + 1))], dtype=np.float32
)
"""What makes up for moments that began at zero, by the steps of a row: looked up, since powers cost more."""

SWEPT = 2_048
"""Ids up to which a table is updated whole: one fused sweep is cheaper than finding and spreading the rows."""


class LazyAdam(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Adam whose step costs what a batch looked up, however large the tables are.

    "Adam: A Method for Stochastic Optimization", Kingma and Ba, ICLR 2015, algorithm 1, in the form at the end of its
    section 2. Dense weights, and tables of few ids, are updated as there. Of a large table only the rows that the batch
    looked up move, and their two moments decay only then. Each of those rows counts its own steps: what moments that
    began at zero lack (section 3) shrinks with the updates a row has had, not with those of the run. A row that is
    first met late thus moves by the learning rate, where a common count would move it by 3.2 times as much. A row
    met in every step is updated exactly as by Adam.

    Args:
        learning_rate: of every step.
        swept: tables of at most so many ids are updated whole.
    """

    def __init__(
        self, learning_rate: float = LEARNING_RATE, *, swept: int = SWEPT, name: str = "LazyAdam", **options: Any
    ) -> None:
        super().__init__(name=name, **({"weight_decay": None} | options))  # 0 would sweep all tables to change nothing
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.swept = swept

    def build(self, variables: list[Any]) -> None:
        """Make the moments of all weights, once, before the first step."""
        super().build(variables)
        if getattr(self, "_built", False):
            return
        self._built = True
        self._moments = [
            None
            if self._lazy(weight)
            else tuple(self.add_variable_from_reference(weight, name) for name in ("first", "second"))
            for weight in variables
        ]
        self._slots = [
            self.add_variable_from_reference(weight, "slots", shape=(weight.shape[0], self._slots_of(weight.shape[1])))
            if self._lazy(weight)
            else None
            for weight in variables
        ]

    def update_step(self, gradient: Any, variable: Any) -> None:
        """Move one weight against its gradient, which for a table is sparse and names each row once."""
        place = self._index_dict[self._var_key(variable)]
        if not self._lazy(variable):
            self._move_all(variable, tf.convert_to_tensor(gradient), self._moments[place])
        elif isinstance(gradient, tf.IndexedSlices):
            self._move_rows(variable, gradient.indices, gradient.values, self._slots[place])
        else:
            self._move_rows(variable, tf.range(variable.shape[0]), gradient, self._slots[place])

    def get_config(self) -> dict[str, Any]:
        """Describe the optimiser, so that Keras can make another like it."""
        own = {"learning_rate": self._serialize_hyperparameter(self._learning_rate), "swept": self.swept}
        return {**super().get_config(), **own}

    def _deduplicate_sparse_grad(self, gradients: list[Any]) -> list[Any]:
        """Add up what several rows of a batch say about one id; of a small table, into a gradient of all its ids."""
        return [self._added_up(each) if isinstance(each, tf.IndexedSlices) else each for each in gradients]

    def _added_up(self, gradient: Any) -> Any:
        shape = None if gradient.dense_shape is None else tf.get_static_value(gradient.dense_shape)
        if shape is not None and shape[0] <= self.swept:
            return _summed(gradient.values, gradient.indices, int(shape[0]))
        rows, places = tf.unique(gradient.indices)
        return tf.IndexedSlices(_summed(gradient.values, places, tf.shape(rows)[0]), rows, gradient.dense_shape)

    def _slots_of(self, width: int) -> int:
        """Count the numbers that are kept of a row of a large table."""
        return 2 * width + 1

    def _lazy(self, variable: Any) -> bool:
        return len(variable.shape) == 2 and int(variable.shape[0]) > self.swept

    def _move_all(self, variable: Any, gradient: Any, moments: tuple[Any, Any]) -> None:
        steps = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            beta1_power=FIRST**steps,
            beta2_power=SECOND**steps,
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=FIRST,
            beta2=SECOND,
            epsilon=EPSILON,
            grad=gradient,
        )

    def _move_rows(self, variable: Any, rows: Any, slope: Any, slots: Any) -> None:
        """Move some rows; a slot holds both moments of a row and its count of steps, to be read and written at once."""
        width = int(variable.shape[1])
        first, second, count = tf.split(tf.gather(slots, rows), [width, width, 1], axis=1)
        mean = FIRST * first + (1 - FIRST) * slope
        spread = SECOND * second + (1 - SECOND) * tf.square(slope)
        steps = count + 1
        young = tf.gather(_OF_YOUNG, tf.cast(tf.minimum(steps, _YOUNG), tf.int32)[:, 0])[:, None]
        moved = tf.gather(variable, rows) - self.learning_rate * young * mean / (tf.sqrt(spread) + EPSILON)
        _put(slots, rows, tf.concat([mean, spread, steps], axis=1))
        _put(variable, rows, moved)


class LazyAdagrad(LazyAdam):
    """Adam for dense weights and tables of few ids, Adagrad for the rows of large tables that a batch looked up.

    "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", Duchi, Hazan and Singer, JMLR 12,
    2011, diagonal version. A row that is met for the first time moves by twenty times the learning rate, and the more
    it has moved the less it still does. Of ids with a row or two in a long log, Adam learns little in the first pass
    and in the next ones learns these very rows by heart.
    """

    def _slots_of(self, width: int) -> int:
        return width

    def _move_rows(self, variable: Any, rows: Any, slope: Any, slots: Any) -> None:
        """Move some rows; a slot holds the sums of the squares of a row's gradients."""
        squares = tf.gather(slots, rows) + tf.square(slope)
        moved = tf.gather(variable, rows) - SWIFTER * self.learning_rate * slope * tf.math.rsqrt(squares + _NOTHING)
        _put(slots, rows, squares)
        _put(variable, rows, moved)


def _summed(values: Any, rows: Any, count: Any) -> Any:
    """Add up vectors by the row that each belongs to; (count, width).

    As the product with a sparse matrix of ones, which takes a third of the time of TensorFlow's sum by segments.

    Args:
        values: (places, width).
        rows: of each place, from 0 to less than ``count``, (places,).
    """
    places = tf.shape(rows)[0]
    ones = tf.ones((places,), values.dtype)
    indices = tf.stack([rows, tf.range(places, dtype=rows.dtype)], axis=1)
    shape = tf.cast(tf.stack([count, places]), tf.int64)
    return tf.raw_ops.SparseTensorDenseMatMul(a_indices=indices, a_values=ones, a_shape=shape, b=values)


def _put(variable: Any, rows: Any, values: Any) -> None:
    tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=values)
