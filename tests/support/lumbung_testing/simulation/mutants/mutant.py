"""A mistake that can be planted for the time of a block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`plant` holds the mistake for a block; `seeds` are tried by the quick test: none when it takes many more."""

    name: str
    plant: Callable[[], AbstractContextManager[object]]
    seeds: tuple[int, ...] = (1, 2, 3, 4)
