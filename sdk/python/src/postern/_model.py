"""What every object of the API is made by: JSON becomes a dataclass with the types of its fields.

Fields that this version does not know are kept, and stand in `to_dict()`. A field that a newer or
an older server leaves out is None.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

M = TypeVar("M", bound="Model")

# What `fields_of` has found.
FIELDS: dict[type[Model], dict[str, tuple[str, Callable[[Any], Any]]]] = {}


@dataclasses.dataclass(kw_only=True, repr=False)
class Model:
    """An object of the API."""

    def __post_init__(self) -> None:
        self._raw: Mapping[str, Any] | None = None

    @classmethod
    def from_dict(cls: type[M], data: Mapping[str, Any]) -> M:
        """The object of its JSON."""
        made = cls.__new__(cls)
        for name, (key, convert) in fields_of(cls).items():
            setattr(made, name, convert(data[key]) if data.get(key) is not None else None)
        made._raw = data
        return made

    def to_dict(self) -> dict[str, Any]:
        """Its JSON, as it came from the server; of an object that was made here, its fields."""
        if self._raw is not None:
            return dict(self._raw)
        values = ((key, getattr(self, name)) for name, (key, _) in fields_of(type(self)).items())
        return {key: to_json(value) for key, value in values if value is not None}

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in fields_of(type(self)))
        inside = ", ".join(f"{name}={value!r}" for name, value in shown if value is not None)
        return f"{type(self).__name__}({inside})"


def fields_of(cls: type[Model]) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Of each field: its name in JSON, and what makes a value of the JSON."""
    if cls not in FIELDS:
        hints = typing.get_type_hints(cls)
        FIELDS[cls] = {
            field.name: (field.name.rstrip("_"), converter(hints[field.name])) for field in dataclasses.fields(cls)
        }
    return FIELDS[cls]


def same(value: Any) -> Any:
    """JSON that stays as it is."""
    return value


def converter(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of its JSON."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        wanted = [part for part in typing.get_args(kind) if part is not type(None)]
        return converter(wanted[0]) if len(wanted) == 1 else either(tuple(wanted))
    if origin is list:
        (inner,) = typing.get_args(kind)
        convert = converter(inner)
        return lambda value: [convert(item) for item in value] if isinstance(value, list) else value
    if isinstance(kind, type) and issubclass(kind, Model):
        model = kind
        return lambda value: model.from_dict(value) if isinstance(value, Mapping) else value
    if kind is datetime.datetime:
        return to_time
    return same


def either(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    """A value of the first of these objects whose fields are all there."""
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Model)]
    if not models:
        return same

    def convert(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        fitting = (model for model in models if required(model) <= value.keys())
        return next(fitting, models[-1]).from_dict(value)

    return convert


def required(cls: type[Model]) -> frozenset[str]:
    """The names in JSON of the fields that are always there."""
    always = (field for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING)
    return frozenset(field.name.rstrip("_") for field in always)


def to_time(value: Any) -> Any:
    """The time of a text of RFC 3339; another value stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return value


def to_json(value: Any) -> Any:
    """The JSON of an argument: objects of the API, times and sequences as well as plain values."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime.datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    return value


def time_text(value: datetime.datetime) -> str:
    """A time as the API takes it. One without a zone is local, as everywhere in Python."""
    return value.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
