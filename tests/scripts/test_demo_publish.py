"""`make demo-publish` shows three posts with trouble on their way, and does not call it right when it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from checkout import Checkout

from local_airflow import demo_publish


@pytest.mark.scheduler
@pytest.mark.timeout(600)
def test_three_posts_each_once(checkout: Callable[[str], Checkout]) -> None:
    """A cut upload, a limit and a lost answer: three posts, each once, and nothing is left running."""
    here = checkout("one")

    status, output = here.run("demo-publish")

    assert status == 0, output
    assert "The simulator holds exactly three posts, each once, in the order of the queue" in output
    assert "waiting (rate_limit), goes on by itself after" in output
    for post in demo_publish.POSTS:
        assert output.count(post["text"]) == 1
    assert "4 requests to create a post: three posts, and the one that was refused" in output
    assert not (here.folder / ".airflow" / "demo" / "running.json").exists()
    assert [path.name for path in (here.folder / "data").iterdir()] == ["demo"]
