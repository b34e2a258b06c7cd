"""Attributes that are computed when they are first asked for, and arrays that nobody changes after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801  a descriptor, used and named as that of functools
    """``functools.cached_property`` without the lock that versions before Python 3.12 hold for all objects at once.

    Over that lock fits in several threads would wait for each other's passes, and children that are forked meanwhile
    for ever. Two threads that ask one object at the same time both compute.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = self.compute(instance)
        return instance.__dict__.setdefault(self.name, value)


def frozen(values: Any) -> Any:
    """Mark a cached array read-only, so that no caller can change what later callers see."""
    values.flags.writeable = False
    return values
