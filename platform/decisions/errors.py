"""Why a decision or an explanation is refused."""

from core.problems import Conflict, NotFound


class UnknownDecision(NotFound):
    """No such decision for this caller."""

    code = "unknown_decision"
    title = "Unknown decision"


class UnknownExplanation(NotFound):
    """The link was changed, or comes from another installation."""

    code = "unknown_explanation"
    title = "Unknown explanation"


class NothingEligible(Conflict):
    """No creative may be shown at this screen now; the player keeps to its offline bundle."""

    code = "nothing_eligible"
    title = "Nothing eligible"

    def __init__(self, scene: str) -> None:
        super().__init__(
            f"No approved and running creative fits the policy of scene {scene!r} now. Play the offline bundle, and"
            " approve content for this scene.",
            extra={"fallback": "offline_bundle"},
        )
