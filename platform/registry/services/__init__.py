"""Register model versions, move them from stage to stage, and say on what terms they are promoted."""

from registry.services.erasure import await_retrain
from registry.services.policy import set_policy
from registry.services.registration import Lineage, register
from registry.services.stages import activate, retire, roll_back_canary, rollback, start_canary, start_shadow
from registry.services.trials import note_figures

__all__ = [
    "Lineage",
    "activate",
    "await_retrain",
    "note_figures",
    "register",
    "retire",
    "roll_back_canary",
    "rollback",
    "set_policy",
    "start_canary",
    "start_shadow",
]
