"""What can be wrong with an image, a face, a model or a key: each with a stable ``code`` that callers may act on."""

from typing import ClassVar


class FaceError(Exception):
    """Base of every error of this library.

    Attributes:
        code: stable word for programs; never changes between versions.
        happened, expected, remedy: plain sentences for people. None of them ever quotes pixels or embeddings.
    """

    code: ClassVar[str] = "face_error"

    def __init__(self, happened: str, *, expected: str, remedy: str) -> None:
        super().__init__(f"{happened} Expected: {expected} {remedy}")
        self.happened = happened
        self.expected = expected
        self.remedy = remedy


class ImageRefused(FaceError):
    """The bytes are not a picture this library is willing to decode."""

    code = "image_refused"


class NotAnImage(ImageRefused):
    """The bytes are no picture at all."""

    code = "not_an_image"


class TruncatedImage(ImageRefused):
    """The bytes begin like a picture but break off or are damaged."""

    code = "truncated_image"


class ImageTooLarge(ImageRefused):
    """The file or the picture in it exceeds a limit."""

    code = "image_too_large"


class UnsupportedImageType(ImageRefused):
    """The bytes are a picture of a type that is not accepted."""

    code = "unsupported_image_type"


class InfraredMismatch(ImageRefused):
    """The near-infrared frame does not belong to the picture."""

    code = "infrared_mismatch"


class FaceRefused(FaceError):
    """The picture is fine, but the face in it cannot be used."""

    code = "face_refused"


class NoFace(FaceRefused):
    """Nobody is in the picture."""

    code = "no_face"


class SeveralFaces(FaceRefused):
    """More than one person is in a picture that must show one."""

    code = "several_faces"


class FaceTooSmall(FaceRefused):
    """The eyes are too few pixels apart."""

    code = "face_too_small"


class FaceBlurred(FaceRefused):
    """The face shows too little detail."""

    code = "face_blurred"


class FaceTooDark(FaceRefused):
    """The face is under-exposed."""

    code = "face_too_dark"


class FaceOverexposed(FaceRefused):
    """The face is over-exposed."""

    code = "face_overexposed"


class FaceTurned(FaceRefused):
    """The head is turned or tilted too far away from the camera."""

    code = "face_turned"


class FaceCutOff(FaceRefused):
    """The picture's border cuts through the face."""

    code = "face_cut_off"


class FaceUnclear(FaceRefused):
    """The detector is not sure enough that this is a face."""

    code = "face_unclear"


class FaceUnevenlyLit(FaceRefused):
    """The light falls from one side."""

    code = "face_unevenly_lit"


class FaceCovered(FaceRefused):
    """Something covers much of the face."""

    code = "face_covered"


class EyesHidden(FaceRefused):
    """Sunglasses, hair or a hand hide an eye."""

    code = "eyes_hidden"


class MouthHidden(FaceRefused):
    """A mask, a scarf or a hand hides the mouth."""

    code = "mouth_hidden"


class EyesClosed(FaceRefused):
    """An eye is shut."""

    code = "eyes_closed"


class MouthOpen(FaceRefused):
    """The mouth is wide open."""

    code = "mouth_open"


class DegenerateLandmarks(FaceRefused):
    """The five landmarks lie on one line or in one point, so that no alignment exists."""

    code = "degenerate_landmarks"


class ContractMismatch(FaceError):
    """An embedding was made under another contract than the templates it should be compared with."""

    code = "contract_mismatch"


class ProtectionSealed(FaceError):
    """A protection key cannot be opened: wrong master key, or altered bytes."""

    code = "protection_sealed"


class ModelsUnavailable(FaceError):
    """The models are missing, damaged, or cannot run on this machine."""

    code = "models_unavailable"


class MemoryExhausted(ModelsUnavailable):
    """A network needs more memory than its session may take."""

    code = "memory_exhausted"


class ColourUnknown(FaceError, TypeError):
    """An array came where a frame of known colour order is needed: a mistake of the program, not of a person."""

    code = "colour_unknown"


class SnapshotUnusable(FaceError):
    """A file is no gallery snapshot of this version, or belongs to somebody else."""

    code = "snapshot_unusable"


class FileUnreadable(FaceError):
    """A file or folder that a command was given is not there, cannot be read or holds nothing of use."""

    code = "file_unreadable"
