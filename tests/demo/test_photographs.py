import io

import pytest
from PIL import Image

from demo.photographs import MissingPhotograph, Photographs, camera_frame


def picture(width, height, colour="red", kind="PNG", mode="RGB"):
    buffer = io.BytesIO()
    Image.new(mode, (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(2000, 1000), (300, 900), (640, 480), (10, 10)])
def test_a_camera_frame_is_a_jpeg_of_640_by_480(width, height, picture_size):
    assert picture_size(camera_frame(picture(width, height))) == ("JPEG", (640, 480))


def test_a_picture_is_fitted_into_the_middle_of_the_frame():
    frame = Image.open(io.BytesIO(camera_frame(picture(300, 900))))

    red = [x for x in range(640) if frame.getpixel((x, 240))[0] > 200]
    assert (red[0], red[-1]) == (240, 399)
    assert frame.getpixel((320, 4))[0] > 200
    assert frame.getpixel((20, 240)) == pytest.approx((96, 100, 104), abs=3)


def test_a_picture_with_transparency_becomes_a_frame(picture_size):
    assert picture_size(camera_frame(picture(50, 50, (255, 0, 0, 9), mode="RGBA"))) == ("JPEG", (640, 480))


def test_the_demonstrations_people_have_real_pictures(photographs, picture_size):
    enrolled = photographs.enrolled()

    assert set(enrolled) == {"statesman", "astronaut"}
    assert [picture_size(one)[0] for one in enrolled.values()] == ["JPEG", "PNG"]
    assert picture_size(photographs.enrolled_again()) == picture_size(photographs.stranger()) == ("JPEG", (640, 480))
    assert photographs.enrolled_again() != photographs.stranger()


@pytest.mark.parametrize("ask", [Photographs.enrolled, Photographs.enrolled_again, Photographs.stranger])
def test_a_missing_picture_is_named_with_what_to_do(tmp_path, ask):
    with pytest.raises(MissingPhotograph, match=r"No \w+\.jpg below .*Run `make"):
        ask(Photographs(tmp_path))
