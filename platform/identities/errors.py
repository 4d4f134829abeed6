"""What can go wrong with faces, templates and viewer tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.problems import Conflict, Malformed, Problem, Unavailable, Unusable
from faceid.errors import ContractMismatch, FaceError, ModelsUnavailable, ProtectionSealed, UnsupportedImageType


class FaceUnusable(Unusable):
    """The picture or the face in it cannot be used; ``code`` is the reason as ``faceid.errors`` names it."""

    title = "Picture or face unusable"

    def __init__(self, error: FaceError) -> None:
        super().__init__(str(error))
        self.code = error.code


class ImageTypeUnsupported(Problem):
    """The picture is of a type that is not accepted."""

    status = 415
    code = "unsupported_image_type"
    title = "Unsupported image type"


class BodyTooLarge(Problem):
    """The body is larger than a camera frame needs to be; it was not read."""

    status = 413
    code = "too_large"
    title = "Body too large"


class EmbeddingsMalformed(Malformed):
    """What was sent as embeddings are no unit vectors of the contract's dimension."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"embeddings: {detail}", errors=[{"field": "embeddings", "code": "invalid", "detail": detail}]
        )  # fmt: skip


class ContractDiffers(Conflict):
    """The embeddings were made under another contract than the operator's templates."""

    code = "contract_mismatch"
    title = "Embedding contract mismatch"


class RecognitionNotConsented(Unusable):
    """An enrolment without consent to ``recognise``: no template is made."""

    code = "recognition_not_consented"
    title = "Recognition not consented to"


class CalibrationImpossible(Unusable):
    """The gallery or the impostors do not suffice to calibrate; the rule in use stays."""

    code = "calibration_impossible"
    title = "Calibration impossible"


class AlreadyEnrolled(Conflict):
    """The face is too near to one that is enrolled here: two such templates could no longer be told apart."""

    code = "already_enrolled"
    title = "Already enrolled"


class LoyaltyTokenUnknown(Unusable):
    """The token names nobody who consents to be served here."""

    code = "loyalty_token_unknown"
    title = "Loyalty token unknown"


class ViewerTokenExpired(Unusable):
    """The viewer was recognised too long ago; recognise again."""

    code = "viewer_token_expired"
    title = "Viewer token expired"


class ForeignViewerToken(Unusable):
    """The viewer token was made for another screen or operator, or is no viewer token."""

    code = "viewer_token_foreign"
    title = "Viewer token of another screen"


class ProtectionKeyLost(Unavailable):
    """An operator has templates, but the key that protects them is gone."""

    code = "protection_key_lost"
    title = "Protection key lost"


class RecogniserMissing(Unavailable):
    """An operator's templates were made by a recogniser that is not configured here."""

    code = "recogniser_missing"
    title = "Recogniser not configured"


class KeyServiceDown(Unavailable):
    """The key management service that unwraps protection keys does not answer, or refuses."""

    code = "key_service_down"
    title = "Key management service not available"


class RotationRefused(Conflict):
    """The operator has no key to rotate."""

    code = "rotation_refused"
    title = "Nothing to rotate"


class MigrationRefused(Conflict):
    """The operator cannot move to another recogniser now; the detail says why."""

    code = "migration_refused"
    title = "No move between recognisers"


class SupervisionUnknown(Malformed):
    """No such way to enrol."""

    code = "supervision_unknown"
    title = "Unknown supervision"


class MinorsUnknown(Malformed):
    """No such way to treat apparent minors."""

    code = "minors_unknown"
    title = "Unknown policy for minors"


class GuardianNeeded(Unusable):
    """Whoever is not surely adult is not enrolled where the operator lets apparent minors be anonymous."""

    code = "guardian_needed"
    title = "Guardian needed"


class ChallengeRequired(Unusable):
    """Nobody vouches for the person before the camera: an enrolment needs the answer to a challenge."""

    code = "challenge_required"
    title = "Challenge required"


class ChallengeForeign(Unusable):
    """The challenge was drawn for somebody else, or is no challenge of this installation."""

    code = "challenge_foreign"
    title = "Challenge of somebody else"


class ChallengeUsed(Conflict):
    """The challenge was answered before: an answer counts once, whatever came of it."""

    code = "challenge_used"
    title = "Challenge answered before"


class ChallengeFailed(Unusable):
    """The answer cannot be judged: too late, too few looks, nobody or several people in them."""

    code = "challenge_failed"
    title = "Challenge not answered"


class SpoofSuspected(Unusable):
    """Before the camera was no living person who did what was asked, or not the one in the picture."""

    code = "spoof_suspected"
    title = "No living person seen"


class LivenessUnavailable(Unavailable):
    """Liveness cannot be judged here, so nobody is enrolled without a member of staff."""

    code = "liveness_unavailable"
    title = "Liveness unavailable"


@contextmanager
def face_problems() -> Iterator[None]:
    """Turn what ``faceid`` refuses into a problem with the right status."""
    try:
        yield
    except UnsupportedImageType as error:
        raise ImageTypeUnsupported(str(error)) from error
    except ContractMismatch as error:
        raise ContractDiffers(str(error)) from error
    except (ModelsUnavailable, ProtectionSealed) as error:
        raise Unavailable(str(error), retry_after=60) from error
    except FaceError as error:
        raise FaceUnusable(error) from error
