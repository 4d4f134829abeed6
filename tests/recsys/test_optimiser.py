"""Lazy Adam is Adam on the rows that a batch touches, and leaves the others alone."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.training]

ROWS, WIDTH = 40, 3


def slopes(steps, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, ROWS, WIDTH)).astype(np.float32)


def start():
    from recsys.training.tensorflow import tf

    values = np.random.default_rng(9).normal(size=(ROWS, WIDTH)).astype(np.float32)
    return tf.Variable(values)


def moved(optimiser, gradients):
    """Where a table is after some gradients; each is a dense array, or rows and their values."""
    from recsys.training.tensorflow import tf

    table = start()
    optimiser.build([table])
    for gradient in gradients:
        if isinstance(gradient, tuple):
            rows, values = gradient
            gradient = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([ROWS, WIDTH]))
        else:
            gradient = tf.constant(gradient)
        optimiser.apply_gradients([(gradient, table)])
    return table.numpy()


def adam(gradients):
    from recsys.training.tensorflow import keras

    return moved(keras.optimizers.Adam(1e-2), gradients)


def lazy(gradients, swept=0):
    from recsys.training.optimiser import LazyAdam

    return moved(LazyAdam(1e-2, swept=swept), gradients)


@pytest.mark.parametrize("swept", [0, ROWS], ids=["by rows", "whole"])
def test_a_table_whose_rows_are_all_touched_is_updated_as_by_adam(swept):
    dense = slopes(7)

    found = lazy([(np.arange(ROWS, dtype=np.int32), slope) for slope in dense], swept)

    np.testing.assert_allclose(found, adam(dense), rtol=0, atol=2e-6)


@pytest.mark.parametrize("swept", [0, ROWS], ids=["large", "small"])
def test_dense_weights_are_updated_as_by_adam(swept):
    dense = slopes(7)

    np.testing.assert_allclose(lazy(dense, swept), adam(dense), rtol=0, atol=2e-6)


def test_rows_that_no_batch_touches_stay_where_they_are():
    touched = np.array([3, 17], dtype=np.int32)

    found = lazy([(touched, slope[touched]) for slope in slopes(5)])

    others = np.setdiff1d(np.arange(ROWS), touched)
    np.testing.assert_array_equal(found[others], start().numpy()[others])
    assert (found[touched] != start().numpy()[touched]).all()


def test_each_row_is_updated_as_if_only_its_own_steps_had_been():
    """Row 3 is met in every step, row 17 in the last two only: both move as Adam moves a table of that row alone."""
    every, late = np.array([3], dtype=np.int32), np.array([3, 17], dtype=np.int32)
    dense = slopes(9)

    found = lazy(
        [(late if step >= 7 else every, slope[late if step >= 7 else every]) for step, slope in enumerate(dense)]
    )

    np.testing.assert_allclose(found[3], adam(dense)[3], rtol=0, atol=2e-6)
    np.testing.assert_allclose(found[17], adam(dense[7:])[17], rtol=0, atol=2e-6)


def test_the_first_step_of_a_row_is_the_learning_rate_however_late_it_comes():
    every, new = np.array([3], dtype=np.int32), np.array([5], dtype=np.int32)
    gradients = [(every, slope[every]) for slope in slopes(50)] + [(new, np.full((1, WIDTH), -2.0, np.float32))]

    found = lazy(gradients)

    np.testing.assert_allclose(found[5] - start().numpy()[5], 1e-2, rtol=1e-4)


@pytest.mark.parametrize("swept", [0, ROWS], ids=["by rows", "whole"])
def test_what_several_rows_of_a_batch_say_about_one_id_is_added_up(swept):
    values = slopes(1)[0][:4]

    apart = lazy([(np.array([2, 8, 2, 2], dtype=np.int32), values)], swept)
    together = lazy([(np.array([2, 8], dtype=np.int32), np.stack([values[[0, 2, 3]].sum(0), values[1]]))], swept)

    np.testing.assert_allclose(apart, together, rtol=0, atol=1e-6)


def test_a_table_of_few_ids_is_swept_and_one_of_many_is_not():
    from recsys.training.optimiser import LazyAdam
    from recsys.training.tensorflow import tf

    optimiser = LazyAdam(swept=10)
    small, large, bias = (tf.Variable(tf.zeros(shape)) for shape in ((10, 2), (11, 2), (50,)))
    optimiser.build([small, large, bias])

    shapes = [tuple(variable.shape) for variable in optimiser.variables if len(variable.shape)]
    assert sorted(shapes) == [(10, 2), (10, 2), (11, 5), (50,), (50,)]


@pytest.mark.parametrize(("swept", "sought"), [(ROWS, False), (ROWS - 1, True)], ids=["small", "large"])
def test_ids_are_sought_in_a_graph_only_for_a_table_of_many(swept, sought):
    """In a graph shapes are constants to be asked for, and to miss that costs a search of each small table's ids."""
    from recsys.training.optimiser import LazyAdam
    from recsys.training.tensorflow import keras, tf

    table = keras.layers.Embedding(ROWS, WIDTH)
    table.build(())
    optimiser = LazyAdam(swept=swept)
    optimiser.build(table.trainable_weights)

    @tf.function
    def step(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(table(ids))
        gradients = tape.gradient(loss, table.trainable_weights)
        optimiser.apply_gradients(zip(gradients, table.trainable_weights, strict=True))

    graph = step.get_concrete_function(tf.TensorSpec((None, 1), tf.int32)).graph

    assert ("Unique" in {operation.type for operation in graph.get_operations()}) == sought


def test_rows_of_a_large_table_that_is_learnt_swiftly_are_updated_as_by_adagrad():
    """Row 3 is met in every step, row 17 in the last two only, and all others never."""
    from recsys.training.optimiser import SWIFTER, LazyAdagrad
    from recsys.training.tensorflow import keras

    every, late = np.array([3], dtype=np.int32), np.array([3, 17], dtype=np.int32)
    dense = slopes(9)
    found = moved(
        LazyAdagrad(1e-2, swept=0),
        [(late if step >= 7 else every, slope[late if step >= 7 else every]) for step, slope in enumerate(dense)],
    )

    def adagrad(gradients):
        return moved(keras.optimizers.Adagrad(SWIFTER * 1e-2, initial_accumulator_value=0.0, epsilon=1e-20), gradients)

    np.testing.assert_allclose(found[3], adagrad(dense)[3], rtol=0, atol=2e-6)
    np.testing.assert_allclose(found[17], adagrad(dense[7:])[17], rtol=0, atol=2e-6)
    others = np.setdiff1d(np.arange(ROWS), late)
    np.testing.assert_array_equal(found[others], start().numpy()[others])


def test_a_small_table_is_updated_as_by_adam_however_swiftly_others_are():
    from recsys.training.optimiser import LazyAdagrad

    dense = slopes(7)

    np.testing.assert_allclose(moved(LazyAdagrad(1e-2, swept=ROWS), dense), adam(dense), rtol=0, atol=2e-6)


def test_the_optimiser_can_be_made_again_from_its_description():
    from recsys.training.optimiser import LazyAdam

    again = LazyAdam.from_config(LazyAdam(3e-3, swept=7).get_config())

    assert (float(again.learning_rate), again.swept) == (pytest.approx(3e-3), 7)
