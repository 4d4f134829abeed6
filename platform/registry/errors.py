"""What can go wrong with model versions."""

from core.problems import Conflict, Malformed, NotFound


class UnknownModel(NotFound):
    """No such model version for this operator."""

    code = "unknown_model"
    title = "Unknown model"


class ModelFileUnusable(Conflict):
    """The version's file is missing, is not the registered one, or cannot be served."""

    code = "model_file_unusable"
    title = "Model file unusable"


class ModelAwaitsRetrain(Conflict):
    """The version learnt from somebody who was erased since."""

    code = "model_awaits_retrain"
    title = "Model awaits its retraining"


class NothingToRollBackTo(Conflict):
    """No version served before the active one."""

    code = "nothing_to_roll_back_to"
    title = "Nothing to roll back to"


class IllegalMove(Conflict):
    """A version cannot go from its stage to the one asked for."""

    code = "illegal_move"
    title = "Illegal move between stages"


class StageTaken(Conflict):
    """Another version has the one place of a stage."""

    code = "stage_taken"
    title = "Stage taken"


class NoChampion(Conflict):
    """Nothing serves yet that a version could be compared with."""

    code = "no_champion"
    title = "No champion to compare with"


class UnusableTerms(Malformed):
    """The terms of promotion are unknown or out of range."""

    code = "unusable_terms"
    title = "Unusable terms"
