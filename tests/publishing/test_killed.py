"""A worker that is killed at any moment of posting leaves what a retry makes exactly one post of."""

from __future__ import annotations

import pytest
from publish_kills import sweep

POINTS = 20


@pytest.mark.parametrize("scene", ["text", "video", "captions"])
def test_killed_and_run_again(scene: str) -> None:
    """One post, named by the record; no byte is sent twice but of one segment; files are whole.

    Only between the note that the request is about to go and its arrival can nothing tell, so that a person is
    asked; never when the post is there to be seen.
    """
    result = sweep(scene, POINTS)
    assert result.problems == []
    assert result.killed > POINTS / 2
    assert result.asked < POINTS / 4
