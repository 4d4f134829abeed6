"""What a camera gave, as it came."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """A camera frame: a JPEG, PNG or WebP file."""

    data: bytes = field(repr=False)
    content_type: str | None = None
