"""Reading declarations (JSON objects) into frozen dataclasses, with errors that name the field to correct."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Declared = TypeVar("Declared")


class Misdeclared(ValueError):
    """A declaration is incomplete or wrong; the message names the field, what it holds and what it may hold."""


def read(kind: type[Declared], value: Any, where: str) -> Declared:
    """Make a dataclass of a JSON object; fields with defaults may be left out, unknown ones are refused.

    Args:
        kind: a dataclass whose fields are str, int, float, bool, StrEnum, tuples of them or such dataclasses.
        value: what ``json`` read.
        where: path of the object in its document, for messages.

    Raises:
        Misdeclared: a field is missing, unknown or of the wrong kind.
    """
    if not isinstance(value, Mapping):
        raise Misdeclared(f"{where} is not an object")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    for name in value.keys() - known.keys():
        raise Misdeclared(f"{where}.{name} is not known; known are {', '.join(known)}")
    for name, one in known.items():
        if name not in value and one.default is MISSING:
            raise Misdeclared(f"{where}.{name} is missing")
    given = {name: _value(hints[name], value[name], f"{where}.{name}") for name in known if name in value}
    try:
        return kind(**given)
    except Misdeclared as error:
        raise Misdeclared(f"{where}.{error}") from error


def _value(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) is tuple or isinstance(kind, GenericAlias):
        return _values(get_args(kind), value, where)
    if is_dataclass(kind):
        return read(kind, value, where)  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise Misdeclared(f"{where} is {value!r}; expected one of {', '.join(kind)}")
        return kind(value)
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is not kind:
        raise Misdeclared(f"{where} is {value!r}; expected {kind.__name__}")
    return value


def _values(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise Misdeclared(f"{where} is {value!r}; expected a list")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise Misdeclared(f"{where} has {len(value)} items; expected {len(kinds)}")
    return tuple(_value(kind, one, f"{where}[{at}]") for at, (kind, one) in enumerate(zip(kinds, value, strict=True)))
