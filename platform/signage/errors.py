"""What can go wrong with venues, screens, scenes, players and their pairing."""

from typing import ClassVar

from core.problems import Conflict, NotFound, Problem, Unauthenticated, Unusable


class UnknownVenueCategory(Unusable):
    """The venue taxonomy has no such category."""

    code = "unknown_venue_category"
    title = "Unknown venue category"


class UnknownTimezone(Unusable):
    """No IANA time zone has this name."""

    code = "unknown_timezone"
    title = "Unknown time zone"


class UnknownPolicy(Unusable):
    """No scene policy has this key."""

    code = "unknown_policy"
    title = "Unknown scene policy"


class UnusableScene(Unusable):
    """A scene's key, slots or criteria are out of range."""

    code = "unusable_scene"
    title = "Scene cannot be used"


class UnusableScreen(Unusable):
    """A screen's size is out of range."""

    code = "unusable_screen"
    title = "Screen cannot be used"


class UnusableName(Unusable):
    """A name is empty or too long."""

    code = "unusable_name"
    title = "Name cannot be used"


class ForeignScene(Unusable):
    """A screen can only default to a scene of its own venue."""

    code = "foreign_scene"
    title = "Scene of another venue"


class SceneExists(Conflict):
    """The venue already has a scene with this key."""

    code = "scene_exists"
    title = "Scene exists"


class UnknownScene(NotFound):
    """The venue has no active scene with this key."""

    code = "unknown_scene"
    title = "Unknown scene"


class PlayerNotPaired(Conflict):
    """The player was never paired with a screen, or no longer is."""

    code = "player_not_paired"
    title = "Player is not paired"


class UnknownPairing(NotFound):
    """No pairing has this id or code."""

    code = "unknown_pairing"
    title = "Unknown pairing"


class PairingExpired(Conflict):
    """The code was shown too long ago."""

    code = "pairing_expired"
    title = "Pairing expired"


class PairingClaimed(Conflict):
    """Somebody has already claimed the code."""

    code = "pairing_claimed"
    title = "Pairing already claimed"


class PairingCollected(Conflict):
    """The token of this pairing has been delivered; it is delivered once."""

    code = "pairing_collected"
    title = "Token already delivered"


class WrongPairingSecret(Unauthenticated):
    """The caller does not hold the secret of the pairing."""

    code = "wrong_pairing_secret"
    title = "Wrong pairing secret"


class TooManyPairings(Problem):
    """Too many codes are open, from one address or altogether."""

    status: ClassVar[int] = 429
    code = "too_many_pairings"
    title = "Too many open pairings"
