"""What can go wrong with model versions."""

from core.problems import Conflict, NotFound


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
