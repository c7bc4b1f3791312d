"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fire.kills import Theatre


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    """One simulator and one process with Airflow loaded, for one scene after the other."""
    with Theatre() as theatre:
        yield theatre
