"""Pictures become vectors, each once, and like pictures like vectors."""

from __future__ import annotations

from hashlib import sha256

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from recsys.columns import Words
from recsys.pictures.album import Album, PictureUnreadable, decode
from recsys.pictures.descriptor import Descriptor
from recsys.pictures.looks import Looks, LooksUnreadable
from recsys.pictures.projection import signs, unit
from recsys.pictures.vision import VisionNetwork, VisionRefused


def poster(colour: tuple[int, int, int], *, stripes: int = 0, seed: int = 0, size: tuple[int, int] = (180, 240)):
    """A picture of one colour with some noise and, if asked for, stripes; RGB."""
    image = np.full((*size, 3), colour, dtype=np.int16)
    image += np.random.default_rng(seed).integers(-6, 7, image.shape)
    if stripes:
        image[:, (np.arange(size[1]) // stripes) % 2 == 1] -= 60
    return image.clip(0, 255).astype(np.uint8)


def file_of(image) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def test_a_picture_has_one_vector_of_length_one_whatever_its_size():
    found = [Descriptor(32).describe(poster((200, 40, 40), size=size)) for size in ((64, 64), (180, 240), (900, 500))]

    for vector in found:
        assert (vector.shape, vector.dtype) == ((32,), np.float32)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(found[1], Descriptor(32).describe(poster((200, 40, 40))))


def test_like_pictures_are_nearer_than_others_by_colour_and_by_texture():
    describe = Descriptor().describe
    red, red_again, blue = (
        describe(poster(colour, seed=seed))
        for colour, seed in (((200, 30, 30), 1), ((190, 40, 35), 2), ((30, 30, 200), 3))
    )
    fine, coarse = (describe(poster((120, 120, 120), stripes=stripes)) for stripes in (4, 40))
    fine_again = describe(poster((120, 120, 120), stripes=4, seed=9))

    assert red @ red_again > red @ blue + 0.1
    assert fine @ fine_again > fine @ coarse + 0.1


def test_the_projection_never_changes():
    """Vectors are kept: other signs would make those of yesterday meaningless."""
    assert sha256(np.sign(signs(16, 8)).astype(np.int8).tobytes()).hexdigest()[:16] == "c57a785f6c98e71c"
    np.testing.assert_allclose((signs(64, 16) ** 2).sum(axis=1), 1, rtol=1e-5)
    assert not unit(np.zeros(3)).any()


class Counting:
    """A vision that counts how often it looks."""

    name, width = "counting", 3

    def __init__(self) -> None:
        self.looked = 0

    def describe(self, image):
        self.looked += 1
        return image.reshape(-1, 3).mean(axis=0).astype(np.float32)


def test_each_picture_is_looked_at_once():
    vision = Counting()
    red, blue = file_of(poster((200, 0, 0))), file_of(poster((0, 0, 200)))
    album = Album(vision)

    found = [album.describe(content) for content in (red, blue, red)]

    assert vision.looked == 2
    assert found[0] is found[2]
    with pytest.raises(PictureUnreadable):
        album.describe(b"no picture")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_refused(content):
    with pytest.raises(PictureUnreadable, match="expected a JPEG"):
        decode(content)


def test_colours_keep_their_order():
    assert decode(file_of(np.full((4, 4, 3), (250, 5, 5), dtype=np.uint8)))[0, 0].tolist() == [250, 5, 5]


LOOKS = Looks("counting", 2, {"a": np.array([1, 2], dtype=np.float32)}, {"a": 1_000})


def test_creatives_get_their_pictures_and_those_without_one_zeros():
    assert LOOKS.of(["b", "a"]).tolist() == [[0, 0], [1, 2]]
    assert LOOKS.of([]).shape == (0, 2)
    assert LOOKS.knows(["b", "a"])
    assert not LOOKS.knows(["b"])


def test_rows_of_a_log_get_the_picture_that_their_creative_had_then():
    creatives = Words.of(["a", "b", None, "a"])

    laid = LOOKS.of_rows(creatives, np.array([1_000, 1_000, 1_000, 999], dtype=np.int64))

    assert (laid.shape, laid.dtype) == ((4, 1, 2), np.float32)
    assert laid[:, 0].tolist() == [[1, 2], [0, 0], [0, 0], [0, 0]]


def test_looks_survive_their_file_and_equal_ones_give_equal_files(tmp_path):
    LOOKS.write(tmp_path / "one")
    found = Looks.read(tmp_path / "one")
    found.write(tmp_path / "other")

    assert (found.vision, found.width, found.since) == ("counting", 2, {"a": 1_000})
    assert found.of(["a"]).tolist() == [[1, 2]]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    Looks("none", 3, {}).write(tmp_path / "empty")
    assert (len(Looks.read(tmp_path / "empty")), Looks.read(tmp_path / "empty").width) == (0, 3)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: b"{}" + whole, lambda whole: b""])
def test_a_damaged_table_of_looks_is_refused(tmp_path, damage):
    path = tmp_path / "looks"
    LOOKS.write(path)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(LooksUnreadable, match="looks holds no looks of creatives"):
        Looks.read(path)
    with pytest.raises(LooksUnreadable, match="absent"):
        Looks.read(tmp_path / "absent")


def write_network(path, *, not_a_number: bool = False) -> str:
    """A network that averages each channel, as a file; returns its digest."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, 8, 8])
    found = helper.make_tensor_value_info("found", TensorProto.FLOAT, [1, 3, 1, 1])
    nodes = [helper.make_node("GlobalAveragePool", ["pixels"], ["mean"])]
    nodes += [helper.make_node("Log" if not_a_number else "Identity", ["mean"], ["found"])]
    graph = helper.make_graph(nodes, "vision", [pixels], [found])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return sha256(path.read_bytes()).hexdigest()


def test_an_operators_own_network_describes_in_its_stead(tmp_path):
    digest = write_network(tmp_path / "vision.onnx")

    vision = VisionNetwork.load(tmp_path / "vision.onnx", digest, size=8, mean=(0, 0, 0), spread=(1, 1, 1))

    assert (vision.width, vision.name) == (3, digest)
    np.testing.assert_allclose(vision.describe(np.full((9, 5, 3), (255, 0, 0), dtype=np.uint8)), [1, 0, 0], atol=1e-6)


def test_a_network_that_is_none_is_refused(tmp_path):
    path = tmp_path / "vision.onnx"
    digest = write_network(path, not_a_number=True)

    with pytest.raises(VisionRefused, match="finite"):
        VisionNetwork.load(path, digest, size=8)
    with pytest.raises(VisionRefused, match="expected 0000"):
        VisionNetwork.load(path, "0000", size=8)
    path.write_bytes(b"no network")
    with pytest.raises(VisionRefused, match="cannot be run"):
        VisionNetwork.load(path, sha256(b"no network").hexdigest(), size=8)
