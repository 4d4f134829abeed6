"""What a player asks for, parsed by hand: the hot path pays for no serializer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.problems import Malformed

MAXIMUM_VIEWERS = 16
MAXIMUM_PEOPLE = 1000
MAXIMUM_SLOTS = 20
MAXIMUM_CRITERIA = 32
TOKEN_LENGTH = 1024

Error = dict[str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """A request for a decision.

    Attributes:
        scene: key of a scene, None for the screen's default.
        viewers: tokens of those who stand at the screen, as the recognition gave them.
        people: how many people stand there, None when the player cannot count more than its tokens.
        slots: how many creatives at most, None for as many as the scene has slots.
        criteria: what the player knows about the moment, for instance ``{"weather": "rain"}``.
    """

    scene: str | None = None
    viewers: tuple[str, ...] = ()
    people: int | None = None
    slots: int | None = None
    criteria: Mapping[str, str | int | float | bool] = field(default_factory=dict)


def parse(body: Any) -> Wish:
    """Return what a request's body asks for.

    Raises:
        Malformed: with one entry in ``errors`` per field that is wrong.
    """
    errors: list[Error] = [
        _error(name, "unknown", "No such field.")
        for name in sorted(body.keys() - {"scene", "viewers", "audience", "slots", "criteria"})
    ]
    wish = Wish(
        scene=_scene(body.get("scene"), errors),
        viewers=_viewers(body.get("viewers"), errors),
        people=_people(body.get("audience"), errors),
        slots=_number("slots", body.get("slots"), 1, MAXIMUM_SLOTS, errors),
        criteria=_criteria(body.get("criteria"), errors),
    )
    if errors:
        raise Malformed("The body has the wrong shape; errors[] names each field.", errors=errors)
    return wish


def _scene(value: object, errors: list[Error]) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= 60):
        return value
    errors.append(_error("scene", "invalid", "Expected the key of a scene, or leave it out for the default one."))
    return None


def _viewers(value: object, errors: list[Error]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAXIMUM_VIEWERS:
        errors.append(_error("viewers", "invalid", f"Expected a list of at most {MAXIMUM_VIEWERS} viewer tokens."))
        return ()
    for index, token in enumerate(value):
        if not isinstance(token, str) or not 0 < len(token) <= TOKEN_LENGTH:
            errors.append(_error(f"viewers[{index}]", "invalid", "Expected a viewer token."))
    return tuple(value)


def _people(value: object, errors: list[Error]) -> int | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        errors.append(_error("audience", "invalid", 'Expected an object like {"count": 2}.'))
        return None
    # Nothing else is taken: whatever a camera guesses about people is no ground for a decision.
    errors += [
        _error(f"audience.{name}", "unknown", "Only count is taken.") for name in sorted(value.keys() - {"count"})
    ]
    return _number("audience.count", value.get("count"), 0, MAXIMUM_PEOPLE, errors)


def _number(name: str, value: object, lowest: int, highest: int, errors: list[Error]) -> int | None:
    if value is None or (type(value) is int and lowest <= value <= highest):
        return value
    errors.append(_error(name, "invalid", f"Expected a whole number from {lowest} to {highest}."))
    return None


def _criteria(value: object, errors: list[Error]) -> Mapping[str, str | int | float | bool]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAXIMUM_CRITERIA:
        errors.append(_error("criteria", "invalid", f"Expected an object with at most {MAXIMUM_CRITERIA} entries."))
        return {}
    for name, one in value.items():
        short = not isinstance(one, str) or len(one) <= 100
        if not 0 < len(name) <= 60 or not isinstance(one, str | int | float | bool) or not short:
            errors.append(_error(f"criteria.{name[:60]}", "invalid", "Expected a short text, a number, true or false."))
    return value


def _error(name: str, code: str, detail: str) -> Error:
    return {"field": name[:80], "code": code, "detail": detail}
