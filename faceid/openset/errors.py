"""What can be wrong with a calibration or with what it is made from."""

from faceid.errors import FaceError


class CalibrationRefused(FaceError):
    """A calibration cannot be read, or cannot be made from what was given."""

    code = "calibration_refused"


class TemplatesRefused(FaceError):
    """A file of embeddings is damaged or is none."""

    code = "templates_refused"
