import numpy as np
import pytest

from faceid.manifest import Axes, Colour, Input
from faceid.pixels import filled, tensor_of

CROP = np.full((4, 6, 3), (10, 20, 255), dtype=np.uint8)


@pytest.mark.parametrize(("colour", "expected"), [(Colour.RGB, [10, 20, 255]), (Colour.BGR, [255, 20, 10])])
def test_channels_come_in_the_declared_order(colour: Colour, expected: list[float]):
    tensor = tensor_of([CROP, CROP], Input("x", colour))

    assert (tensor.shape, tensor.dtype) == ((2, 3, 4, 6), np.float32)
    assert tensor[1, :, 3, 5].tolist() == expected


def test_mean_and_deviation_are_those_of_the_networks_channels():
    tensor = tensor_of([CROP], Input("x", Colour.BGR, mean=(5.0, 0.0, 4.0), std=(2.0, 4.0, 3.0)))

    assert tensor[0, :, 0, 0].tolist() == [125.0, 5.0, 2.0]


def test_channels_come_last_where_a_network_wants_that():
    tensor = tensor_of([CROP], Input("x", Colour.RGB, mean=(10.0, 20.0, 255.0), axes=Axes.NHWC))

    assert tensor.shape == (1, 4, 6, 3)
    assert not tensor.any()
    assert tensor.flags.c_contiguous


def test_a_network_of_a_fixed_batch_is_filled_with_the_last_picture():
    first, last = np.zeros((2, 2, 3), dtype=np.uint8), np.ones((2, 2, 3), dtype=np.uint8)

    assert [picture.max() for picture in filled([first, last], 4)] == [0, 1, 1, 1]
    assert len(filled([first, last], None)) == len(filled([first, last], 2)) == 2


@pytest.mark.parametrize("exactly", [None, 2])
def test_a_network_is_never_fed_nothing(exactly: int | None):
    with pytest.raises(ValueError, match="at least one picture"):
        filled([], exactly)
