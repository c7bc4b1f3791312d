"""`make demo` shows a whole run, and does not call it right when it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from checkout import Checkout

from local_airflow import demo


@pytest.mark.parametrize(
    ("collected", "truth", "said"),
    [
        (["1", "2"], ["2", "1"], ""),
        (["1"], ["1", "2"], "1 missing (2)"),
        (["1", "3"], ["1"], "1 not in the simulator (3)"),
        (["1", "1"], ["1"], "1 more than once (1)"),
        ([], ["1"], "1 missing (1)"),
    ],
)
def test_every_difference_is_said(collected: list[str], truth: list[str], said: str) -> None:
    """Ids are compared one by one, whatever their order."""
    assert demo.differences(collected, truth) == said


@pytest.mark.scheduler
@pytest.mark.timeout(600)
def test_the_demo_collects_all_and_leaves_nothing_running(checkout: Callable[[str], Checkout]) -> None:
    """One keyword, two pages, one wait over 10 s, every post; neither the account nor the data are touched."""
    here = checkout("one")
    (here.folder / ".env").write_text("TWITTER_API_KEY=k\nTWITTER_API_SECRET=topsecret\n")
    status, output = here.run("demo")
    assert status == 0, output
    waits = re.findall(
        r"limit reached, pages so far: 1, posts: 100; waiting until \d\d:\d\d:\d\d \((\d+) s\)", output
    )
    assert len(waits) == 1
    assert int(waits[0]) > 10
    file = here.folder / "data" / "demo" / "tweets_sevdesk.json"
    assert f"\n{file}\n" in output
    posts = json.loads(file.read_text(encoding="utf-8"))
    assert len({post["id"] for post in posts}) == demo.POSTS
    assert f"{demo.POSTS} posts, id by id the {demo.POSTS} that the simulator holds, in 2 requests" in output
    assert len(re.findall(r"^  \d{4}-\d\d-\d\dT", output, re.MULTILINE)) == 3
    assert f"X would have charged ${demo.POSTS * 0.005:.2f}" in output
    assert not (here.folder / ".airflow" / "demo" / "running.json").exists()
    assert [path.name for path in (here.folder / "data").iterdir()] == ["demo"]


def test_a_keywords_file_without_a_plain_entry(checkout: Callable[[str], Checkout]) -> None:
    """Where the demo has nothing to show it says what it takes, before anything is started."""
    here = checkout("one")
    (here.folder / "dags" / "keywords.yaml").write_text("keywords:\n  - keyword: x\n    query: from:x\n")
    status, output = here.run("demo")
    assert status == 1
    assert output == "dags/keywords.yaml has no entry for the demo: it takes one with just a keyword.\n"


def test_a_keywords_file_that_is_broken(checkout: Callable[[str], Checkout]) -> None:
    """A file that is no YAML is said to be one, in a line and not in a traceback."""
    here = checkout("one")
    (here.folder / "dags" / "keywords.yaml").write_text("keywords: [\n")
    status, output = here.run("demo")
    assert status == 1
    assert output.startswith("dags/keywords.yaml cannot be read: ")
    assert "Traceback" not in output
