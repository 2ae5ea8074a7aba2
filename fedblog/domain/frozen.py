"""Values that are made for every request: frozen for the type checker, cheap to make.

A frozen dataclass sets each attribute by a call of its own, which for a comment's 29 took longer
than reading it. mypy holds that nobody changes one (`.ci/run`); at run time nothing looks.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(value: type[T]) -> type[T]:
    """Make *value* a dataclass with slots, equality and a hash, that nobody changes."""
    return dataclass(slots=True, unsafe_hash=True)(value)
