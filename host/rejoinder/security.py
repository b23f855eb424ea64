"""What must not be seen, and by whom."""

import dataclasses
from collections.abc import Iterator, Mapping

import msgspec

from rejoinder.contract import Secret


def secrets_in(options: object) -> Iterator[str]:
    """Every secret text in a system's options, however deep, so that the log can be kept clean of them."""
    match options:
        case Secret():
            yield options.reveal()
        case Mapping():
            for value in options.values():
                yield from secrets_in(value)
        case list() | tuple() | set() | frozenset():
            for value in options:
                yield from secrets_in(value)
        case msgspec.Struct():
            yield from secrets_in([getattr(options, name) for name in options.__struct_fields__])
        case _ if dataclasses.is_dataclass(options):
            yield from secrets_in([getattr(options, one.name) for one in dataclasses.fields(options)])
        case _ if hasattr(options, "model_dump"):  # pydantic, without importing it
            yield from secrets_in(vars(options))
