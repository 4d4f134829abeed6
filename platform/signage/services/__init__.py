"""Write venues, screens and scenes, pair players and note what they report."""

from signage.services.pairing import (
    CLAIM_LIFETIME,
    CODE_LIFETIME,
    Collected,
    StartedPairing,
    claim,
    collect,
    start_pairing,
)
from signage.services.places import add_scene, add_screen, add_venue, set_default_scene, set_scene_active
from signage.services.players import touch, unpair

__all__ = [
    "CLAIM_LIFETIME",
    "CODE_LIFETIME",
    "Collected",
    "StartedPairing",
    "add_scene",
    "add_screen",
    "add_venue",
    "claim",
    "collect",
    "set_default_scene",
    "set_scene_active",
    "start_pairing",
    "touch",
    "unpair",
]
