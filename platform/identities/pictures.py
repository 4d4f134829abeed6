"""What a camera gave, as it came."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """A camera frame: a JPEG, PNG or WebP file.

    Attributes:
        infrared: a near-infrared frame of the same moment and size, where the camera has such a sensor.
    """

    data: bytes = field(repr=False)
    content_type: str | None = None
    infrared: "Frame | None" = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A few frames of one moment, by one camera.

    Attributes:
        frames: two or more, in order of time.
        times: when each was taken, seconds since the first; ascending.
    """

    frames: tuple[Frame, ...]
    times: tuple[float, ...]
