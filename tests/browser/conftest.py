"""A logged-in browser before a real Airflow, with a run that waits for X and a window that is partial."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chromium import missing
from ui import Ui


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, and skip it with the reason where there is no browser."""
    reason = missing()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(600))  # the first test also waits for Airflow to start
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow and a simulator: `accounting` is partial, `invoice` has a page and waits for its next window."""
    from stack import running_stack

    with running_stack(tmp_path_factory.mktemp("stack"), requests=2, window_s=900) as running:
        running.collect("twitter_search", keyword="accounting", max_results=20, page_max=1)
        running.collect("twitter_search", keyword="invoice", max_results=20, page_max=3)
        yield running


@pytest.fixture(scope="package")
def open_ui(stack: Any) -> Iterator[Ui]:
    """One browser for all tests of this folder, logged in once; it ends with them, and Airflow too."""
    from chromium import open_browser

    with open_browser() as browser:
        ui = Ui(browser, stack.url)
        ui.log_in("admin", stack.password)
        yield ui


@pytest.fixture
def ui(open_ui: Ui) -> Iterator[Ui]:
    """The UI as its user finds it; the test fails when anything was wrong enough for the console."""
    open_ui.console_errors()
    open_ui.as_usual()
    yield open_ui
    assert open_ui.console_errors() == []
