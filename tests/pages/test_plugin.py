"""What the plugin adds to Airflow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "twitter_plugin.py"


def test_the_pages_are_in_the_navigation(get: Callable[..., Any], world: Any) -> None:
    """Airflow's own list of plugins names the pages, their addresses below this server, and the link to x.com."""
    (plugin,) = (found for found in get("/api/v2/plugins").json()["plugins"] if found["name"] == "twitter")
    assert [view["name"] for view in plugin["external_views"]] == ["X posts", "X queue"]
    for view in plugin["external_views"]:
        assert view["destination"] == "nav"
        assert get(f"/{view['href']}").status_code == 200
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/twitter"]
    assert "XSearchLink" in plugin["operator_extra_links"][0]


def test_tasks_do_not_pay_for_the_page() -> None:
    """Every task loads the plugin; the page and the web framework are loaded by the page's first request alone."""
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(PLUGIN)!r})\n"
        "print([name for name in sys.modules if name in ('jinja2', 'airflow_twitter.pages.app', 'fastapi.applications')"
        " and name not in before])"
    )
    code = "import sys, airflow.plugins_manager, airflow.sdk\nbefore = set(sys.modules)\n" + code
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
