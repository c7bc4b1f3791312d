"""Make the README's pictures again: `python tests/browser/screenshots.py` writes docs/images/*.png.

Takes about five minutes, and Chromium. The pictures look best with the font Inter, which Airflow's UI asks for
(Debian and Ubuntu: apt install fonts-inter).
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.extend(str(Path(__file__).resolve().parents[2] / folder) for folder in ("scripts", "tests/system"))

from chromium import missing, open_browser
from stack import Stack, running_stack
from ui import Ui

from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule
from local_airflow.film import make_film

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT = 1400, 660
REQUESTS, WINDOW_S = 5, 300.0


def main() -> int:
    """Collect with a window that is used up in the middle of a run, and photograph how that looks."""
    if reason := missing():
        print(f"No pictures: {reason}", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="airflow-twitter-pictures-") as folder,
        running_stack(Path(folder), requests=REQUESTS, window_s=WINDOW_S) as stack,
    ):
        run_id = collect(stack)
        with open_browser(WIDTH, HEIGHT) as browser:
            ui = Ui(browser, stack.url)
            ui.log_in("admin", stack.password)
            ui.theme("light")
            photograph_waiting(ui, run_id)
            photograph_page(ui, "X posts", "status")
            fill_queue(stack)
            photograph_queue(ui)
    return 0


def collect(stack: Stack) -> str:
    """Let every keyword's DAG have its daily run, then use up X's window; return the run that waits for the next."""
    for keyword in ("sevdesk", "accounting", "invoice"):
        finish_daily_run(stack, f"twitter_search__{keyword}")
    start = f"{datetime.now(UTC) - timedelta(days=6, hours=12):%Y-%m-%dT%H:%M:%SZ}"
    stack.collect("twitter_search__accounting", start_time=start)
    return stack.collect("twitter_search__invoice", start_time=start)


def finish_daily_run(stack: Stack, dag_id: str) -> None:
    """Unpause a DAG and wait for the run that Airflow makes of its latest interval."""
    airflow = stack.airflow
    airflow.unpause(dag_id)
    runs = f"dags/{dag_id}/dagRuns"
    (run,) = airflow.wait(lambda: airflow.rest.get(runs)["dag_runs"], f"the daily run of {dag_id}")
    airflow.finish(dag_id, run["dag_run_id"])


def photograph_waiting(ui: Ui, run_id: str) -> None:
    """Show the run whose `search` waits for its window without a slot."""
    ui.open(f"/dags/twitter_search__invoice/runs/{run_id}")
    ui.wait(lambda: "Up For Reschedule" in ui.text(), "the state of search")
    photograph(ui, "waiting")


def fill_queue(stack: Stack) -> None:
    """Have one post out, one in doubt, one that was refused, one on its way with a video, and others that wait."""
    make_film(stack.airflow.place.data / "videos" / "workshop.mp4")
    stack.wait_for(stack.publish("Good morning! The shop is open from nine."), PostState.POSTED)
    rules = [Rule(endpoint="create_post", fault="reset_before", nth=1)]
    rules.append(Rule(endpoint="append_media", fault="slow", params={"delay_s": 4.0}))
    stack.simulator.service.rules.add(rules)
    stack.publish("Thank you all! " * 20)
    stack.wait_for(stack.publish("On Thursday the doors open at six. Come in!"), PostState.UNKNOWN)
    stack.publish(
        "This is how our tables are made, from the trunk to the last coat of oil.", video="workshop.mp4"
    )
    for text in (
        "New in the shop: the round table for four, in oak and in ash.",
        "We are looking for a carpenter.\nWrite to us, or come by: https://shop.example/jobs",
    ):
        stack.publish(text)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    stack.publish("Half price today, and only today!", approval=True)
    stack.publish("The workshop is closed today.", publish_at=f"{tomorrow:%Y-%m-%dT07:00:00Z}")


def photograph_queue(ui: Ui) -> None:
    """Show the queue page with an upload on its way."""
    ui.open_page("X queue")
    ui.wait(lambda: len(ui.all(".posts .post")) >= 6, "all posts", 240)
    ui.wait(
        lambda: ui.all("progress") and ui.all(".badge.awaiting_approval"), "an upload, and a question", 240
    )
    ui.wait(lambda: int(ui.find("progress").get_attribute("value") or 0) >= 20, "some progress", 240)
    photograph_page(ui, "X queue", "queue")


def photograph_page(ui: Ui, page: str, name: str) -> None:
    """Show one of the project's pages, whole."""
    ui.open_page(page)
    height = ui.browser.execute_script("return document.documentElement.scrollHeight")
    resize(ui, height)
    ui.browser.switch_to.default_content()
    photograph(ui, name)
    resize(ui, HEIGHT)


def resize(ui: Ui, height: int) -> None:
    """Make the window so high, in CSS pixels."""
    size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    ui.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def photograph(ui: Ui, name: str) -> None:
    """Write what is to be seen, once nothing moves any more."""
    time.sleep(2)
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    ui.browser.save_screenshot(str(path))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
