"""Copies of the checkout, ended with the test that asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Callable[[str], Checkout]]:
    """Make copies of the checkout by name; whatever they still run is ended with the test."""
    made: list[Checkout] = []

    def make(name: str) -> Checkout:
        folder = tmp_path / name
        folder.mkdir()
        made.append(Checkout(folder))
        return made[-1]

    yield make
    for one in made:
        one.run("down")
