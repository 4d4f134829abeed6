import io
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from demo.photographs import FRAME, MissingPhotograph, Photographs, camera_frame


def test_frames_are_what_a_camera_delivers() -> None:
    photographs = Photographs(settings.CARRIERS)

    for frame in (photographs.enrolled_again(), photographs.stranger()):
        with Image.open(io.BytesIO(frame)) as image:
            assert (image.format, image.size) == ("JPEG", FRAME)


def test_the_frame_of_an_enrolled_person_is_another_picture_than_the_enrolled_one() -> None:
    photographs = Photographs(settings.CARRIERS)

    assert photographs.enrolled_again() not in {camera_frame(picture) for picture in photographs.enrolled().values()}


def test_a_missing_package_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingPhotograph, match="make carriers"):
        Photographs(tmp_path).stranger()
