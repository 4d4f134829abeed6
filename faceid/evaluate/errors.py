"""What can be wrong with somebody's pictures and labels."""

from faceid.errors import FaceError


class FolderRefused(FaceError):
    """The pictures do not lie as the evaluation needs them."""

    code = "folder_refused"


class LabelsRefused(FaceError):
    """A file of pairs, labels or cohorts cannot be read or names what is not there."""

    code = "labels_refused"


class TooLittleData(FaceError):
    """There are not enough usable pictures to measure what was asked for."""

    code = "too_little_data"


class OutputRefused(FaceError):
    """The figures cannot be written or drawn where they should go."""

    code = "output_refused"
