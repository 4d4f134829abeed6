"""The demonstration's people: real photographs that Python packages carry, labelled as demo subjects.

``face_recognition`` ships portraits of two US presidents by the US government, ``scikit-image`` NASA's portrait of an
astronaut; all are in the public domain. They stand in for people who agreed at a kiosk: their consent is recorded
with the method ``demonstration``, so that nobody mistakes it for a real one.
"""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FRAME = (640, 480)


class MissingPhotograph(FileNotFoundError):
    """A package that carries photographs was not fetched."""


@dataclass(frozen=True, slots=True)
class Photographs:
    """Where each picture lies below the folder of carrier packages."""

    carriers: Path

    def enrolled(self) -> dict[str, bytes]:
        """Return the portraits to enrol, by a label for the log."""
        return {"statesman": self._read("obama.jpg"), "astronaut": self._read("astronaut.png")}

    def enrolled_again(self) -> bytes:
        """Return a camera frame with another picture of an enrolled person (JPEG, 640 x 480)."""
        return camera_frame(self._read("obama2.jpg"))

    def stranger(self) -> bytes:
        """Return a camera frame with somebody who never enrolled."""
        return camera_frame(self._read("biden.jpg"))

    def _read(self, name: str) -> bytes:
        found = sorted(self.carriers.rglob(name))
        if not found:
            raise MissingPhotograph(f"No {name} below {self.carriers}. Run `make carriers` first.")
        return found[0].read_bytes()


def camera_frame(picture: bytes) -> bytes:
    """Return a picture as a camera would deliver it: JPEG, 640 x 480, the picture fitted inside a grey room."""
    frame = Image.new("RGB", FRAME, (96, 100, 104))
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    image.thumbnail(FRAME, Image.Resampling.LANCZOS)
    frame.paste(image, ((FRAME[0] - image.width) // 2, (FRAME[1] - image.height) // 2))
    buffer = io.BytesIO()
    frame.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
