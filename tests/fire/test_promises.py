"""The page that `make soak` writes, and the tests that it runs for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fire.kill_scenes import SCENES
from tests.fire.promises import PROJECT, PROMISES, NotHeld, count_passed
from tests.fire.report import PAGE


@pytest.mark.parametrize("path", [path for paths in PROMISES.values() for path in paths])
def test_there_are_such_tests(path: str) -> None:
    """What holds a promise is where the list says, under its name on the page."""
    assert (PROJECT / path).exists()
    assert f"`{path}`" in PAGE.read_text(), "run make soak"


def test_every_scene_is_on_the_page() -> None:
    """The page tells of the kills in every scene that there is."""
    page = PAGE.read_text()
    assert [scene for scene in SCENES if f"\n| {scene} |" not in page] == [], "run make soak"


@pytest.mark.parametrize("body", ["assert False", "pytest.skip('no')", "raise OSError"])
def test_what_does_not_pass_is_not_held(tmp_path: Path, body: str) -> None:
    """A test that fails, or is skipped, holds nothing; neither does none."""
    good, bad = tmp_path / "test_good.py", tmp_path / "test_bad.py"
    good.write_text("def test_it():\n    assert True\n\n\ndef test_again():\n    assert True\n")
    bad.write_text(f"import pytest\n\n\ndef test_it():\n    {body}\n")
    assert count_passed("all is well", [str(good)]) == 2
    with pytest.raises(NotHeld, match="all is well"):
        count_passed("all is well", [str(good), str(bad)])
    with pytest.raises(NotHeld):
        count_passed("all is well", [str(tmp_path / "test_nothing.py")])
