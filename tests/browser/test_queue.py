"""The queue page in Airflow's UI: what a person presses there is what happens. An error in the console fails a test."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from tests.publishing.films import film

from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule

QUEUE = "twitter_post__main"
NASTY = "<img src=x onerror=document.title='hurt'> & \"quoted\""
DOC = Path(__file__).resolve().parents[2] / "docs" / "publishing.md"


@pytest.fixture(autouse=True)
def quiet(stack: Any) -> Iterator[None]:
    """Each test begins with a queue that goes on, before a simulator that does nothing wrong."""
    stack.simulator.service.rules.clear()
    stack.pause(False)
    yield
    stack.simulator.service.rules.clear()


def fail_once(stack: Any, fault: str) -> None:
    """Have the next attempt to create a post go wrong."""
    stack.simulator.service.rules.add([Rule(endpoint="create_post", fault=fault, nth=1)])


def sent(stack: Any) -> list[str]:
    """The texts of all posts, oldest first."""
    return [post.raw for post in stack.simulator.posts]


def press(ui: Any, id: str) -> None:
    """Press a button by the keyboard, once it can be pressed."""
    button = f"[id='{id}']:enabled:not([aria-busy='true'])"
    ui.find(button).send_keys(Keys.ENTER)


def answer(ui: Any, text: str, typed: str | None = None) -> None:
    """Answer the question that is open."""
    ui.find("dialog[open]")
    if typed is not None:
        field = ui.find("#ask-field")
        field.clear()
        field.send_keys(typed)
    assert ui.find("#ask-yes").text == text
    press(ui, "ask-yes")
    ui.wait(lambda: not ui.all("dialog[open]"), "the end of the question")


def test_a_held_account_is_released(ui: Any, stack: Any) -> None:
    """The page says why an account is held; Release lets its post go out, and the open page shows it as published."""
    fail_once(stack, "credits")
    key = stack.publish("Wait for credits")
    ui.open_page("X queue")
    ui.wait(lambda: "The account is held." in ui.text(), "the hold", timeout_s=240)
    assert "credits" in ui.find("#held-main").text
    assert "Simulator, not X." in ui.text()
    held = stack.airflow.place.data / "accounts" / "main" / "held.json"
    assert held.exists()

    press(ui, "release-main")
    ui.wait(lambda: not ui.all("#held-main"), "the release")
    assert not held.exists()
    stack.wait_for(key, PostState.POSTED)
    ui.wait(
        lambda: ui.all(f"[id='ended-main--{key}'] .badge.posted"), "the post among those that are out", 240
    )
    assert sent(stack).count("Wait for credits") == 1
    assert ui.all("#simulated-main")


def test_a_doubt_is_settled(ui: Any, stack: Any) -> None:
    """Of two posts whose answers were lost one click sends the one again, and another says that the other is out."""
    stack.simulator.service.rules.add(
        [Rule(endpoint="create_post", fault="reset_before", nth=number) for number in (1, 2)]
    )
    again, there = stack.publish("Is it there?"), stack.publish("It is there")
    ui.open_page("X queue")
    for key in (again, there):
        stack.wait_for(key, PostState.UNKNOWN)
    before = sent(stack)
    ui.wait(lambda: len(ui.all(".doubted")) == 2, "two doubts", 240)

    ui.find(f"[id='link-main--{there}']").send_keys("https://x.com/me/status/123456")
    press(ui, f"not-posted-main--{again}")
    ui.wait(lambda: len(ui.all(".doubted")) == 1, "one doubt less")
    # What was typed in is still there, though the page has renewed itself.
    press(ui, f"posted-main--{there}")
    ui.wait(lambda: not ui.all(".doubted"), "the end of the doubts")

    assert stack.records.read("main", there).post_id == "123456"
    assert stack.records.read("main", there).history[-1].by == "admin"
    stack.wait_for(again, PostState.POSTED)
    assert sent(stack) == [*before, "Is it there?"]


def test_the_queue_is_changed(ui: Any, stack: Any) -> None:
    """Posts are moved, edited, cancelled and marked as posted with the buttons, in the page and in Airflow alike."""
    stack.hold_back()
    before = sent(stack)
    texts = ("Stays", NASTY, "Cancel me", "By hand", "Moves up")
    keys = dict(zip(texts, [stack.publish(text) for text in texts], strict=True))
    for key in keys.values():
        stack.wait_for(key, PostState.QUEUED)
    ui.open_page("X queue")
    ui.wait(lambda: len(ui.all("[id^='edit-main--']")) == 5, "five posts")
    assert "Paused." in ui.text()
    assert NASTY in ui.text()

    press(ui, f"up-main--{keys['Moves up']}")
    ui.wait(lambda: shown(ui)[3] == keys["Moves up"], "another order")
    press(ui, f"up-main--{keys['Moves up']}")
    ui.wait(lambda: shown(ui)[2] == keys["Moves up"], "another order")
    assert ui.browser.switch_to.active_element.get_attribute("id") == f"up-main--{keys['Moves up']}"

    press(ui, f"edit-main--{keys[NASTY]}")
    assert ui.find("#ask-field").get_attribute("value") == NASTY
    answer(ui, "Save", "Changed")
    ui.wait(lambda: NASTY not in ui.text() and "Changed" in ui.text(), "the new text")
    press(ui, f"cancel-main--{keys['Cancel me']}")
    assert "Cancel me" in ui.find("dialog").text
    answer(ui, "Cancel the post")
    press(ui, f"by-hand-main--{keys['By hand']}")
    answer(ui, "Mark as posted", "https://x.com/me/status/98765")
    ui.wait(lambda: shown(ui)[2:3] != [keys["Cancel me"]] and keys["Cancel me"] not in shown(ui), "one less")

    assert stack.records.read("main", keys["Cancel me"]).state is PostState.CANCELLED
    assert stack.airflow.run_state(QUEUE, keys["Cancel me"]) == "success"
    assert stack.records.read("main", keys["By hand"]).post_id == "98765"
    assert stack.records.read("main", keys[NASTY]).content.text == "Changed"
    stack.pause(False)
    for text in ("Stays", NASTY, "Moves up"):
        stack.wait_for(keys[text], PostState.POSTED)
    assert sent(stack) == [*before, "Stays", "Changed", "Moves up"]
    assert ui.browser.execute_script("return document.title") != "hurt"


def test_a_refusal_is_said_in_the_question(ui: Any, stack: Any) -> None:
    """What the server refuses is said where it was asked, in its own words, and the question stays open."""
    stack.hold_back()
    key = stack.publish("Short enough")
    stack.wait_for(key, PostState.QUEUED)
    ui.open_page("X queue")
    press(ui, f"edit-main--{key}")
    ui.find("dialog[open]")
    ui.browser.execute_script("document.getElementById('ask-field').value = 'x'.repeat(281)")
    press(ui, "ask-yes")
    ui.wait(lambda: "281" in ui.find("#ask-wrong").text, "the refusal")
    ui.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    ui.wait(lambda: not ui.all("dialog[open]"), "the end of the question")
    assert stack.records.read("main", key).content.text == "Short enough"
    (refused,) = ui.console_errors()  # the browser notes every answer of 4xx
    assert "422" in refused
    press(ui, f"cancel-main--{key}")
    answer(ui, "Cancel the post")


def test_it_renews_itself_only_while_it_is_looked_at(ui: Any) -> None:
    """It asks again a few seconds after each answer, not in a hidden tab, and says so when there is no answer."""
    ui.open("/twitter/queue")
    begin = """
      window.timers = []; window.asked = 0; window.away = false;
      const fetch = window.fetch;
      window.fetch = (...all) => { asked += 1; return away ? Promise.reject(new TypeError()) : fetch(...all); };
      window.setTimeout = (what, ms) => timers.push(ms);
      window.hiddenNow = (value) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      };
      hiddenNow(false);
    """
    ui.browser.execute_script(begin)
    state = "return [asked, timers]"
    ui.wait(lambda: ui.browser.execute_script(state) == [1, [5000]], "an answer, and a date for the next")
    ui.browser.execute_script("away = true; hiddenNow(true); hiddenNow(false); hiddenNow(true)")
    ui.wait(lambda: "No connection to Airflow." in ui.text(), "the banner")
    assert ui.browser.execute_script(state) == [2, [5000]]
    ui.browser.execute_script("away = false; hiddenNow(false)")
    ui.wait(lambda: "No connection to Airflow." not in ui.text(), "the connection")
    ui.wait(lambda: ui.browser.execute_script(state)[1][-1] == 5000, "a date for the next")


def test_links_to_x_open_a_window_of_their_own(ui: Any, stack: Any) -> None:
    """Out of the sandboxed frame a post's address opens in another tab, and the run in the UI itself."""
    key = a_post_that_is_out(stack)
    ui.open_page("X queue")
    ui.wait(lambda: ui.all(f"[id='ended-main--{key}'] a[data-out]"), "the link", 120)
    ui.browser.execute_script("document.querySelector('a[data-out]').href = '/twitter/queue.css'")
    ui.find("a[data-out]").click()
    ui.wait(lambda: len(ui.browser.window_handles) == 2, "another tab")
    here = ui.browser.current_window_handle
    ui.browser.switch_to.window(next(each for each in ui.browser.window_handles if each != here))
    ui.browser.close()
    ui.browser.switch_to.window(here)
    ui.browser.switch_to.frame(ui.find("iframe[title='X queue']"))
    ui.find(f"[id='ended-main--{key}'] a[data-ui]").click()
    ui.browser.switch_to.default_content()
    ui.wait(lambda: "/dags/twitter_publish/runs/" in ui.browser.current_url, "the run")


def test_an_approval_is_a_link_away(ui: Any, stack: Any) -> None:
    """The link of a post that waits for an approval leads to Airflow's own question, with a picture of its video."""
    videos = stack.airflow.place.data / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    film(videos / "asked.mp4", seconds=1.0)
    key = stack.publish("May I?", approval=True, video="asked.mp4")
    ui.open_page("X queue")
    link = ui.wait(
        lambda: next(iter(ui.all(f"[id='waits-main--{key}'] a[href$='required_actions']")), None),
        "the link",
        120,
    )
    link.click()
    ui.browser.switch_to.default_content()
    ui.wait(lambda: "Post this to main?" in ui.text(), "the question")
    picture = ui.find("img[alt='A picture of the video']")
    ui.wait(lambda: picture.get_property("naturalWidth"), "the picture")
    ui.open_page("X queue")
    press(ui, f"cancel-main--{key}")
    answer(ui, "Cancel the post")
    ui.wait(lambda: key not in shown(ui), "the end of it")


def test_narrow_and_dark(ui: Any) -> None:
    """The page fits a narrow window without scrolling sideways, and is dark in the dark UI."""
    size = {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    ui.theme("dark")
    ui.open_page("X queue")
    colour = ui.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", colour)[:3])) < 180
    ui.browser.switch_to.default_content()
    ui.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    ui.open("/twitter/queue")
    assert [heading.text for heading in ui.all("h1")] == ["X queue"]
    width = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, there = ui.browser.execute_script(width)
    ui.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"width": 1400, "height": 900})
    assert needed <= there
    for button in ui.all("button[data-url]"):
        assert button.accessible_name


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="no curl, or no jq")
def test_the_examples_of_the_docs(stack: Any) -> None:
    """Each block of shell in docs/publishing.md does, in the order of the page, what the page says."""
    blocks = re.findall(r"^```bash\n(.*?)^```", DOC.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    stack.hold_back()
    script = "\n".join(["set -euo pipefail", *blocks])
    where = {"AIRFLOW": stack.url, "AIRFLOW_USER": "admin", "AIRFLOW_PASSWORD": stack.password}
    done = subprocess.run(
        ["bash", "-c", script],
        env={**stack.airflow.env, **where},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    key = next(iter(re.findall(r'"id": ?"(api__\w+)"', done.stdout)))
    record = stack.records.read("main", key)
    assert record.state is PostState.CANCELLED
    assert record.content.text == "Good morning, everybody"
    assert '"outcome":"cancelled"' in done.stdout.replace(": ", ":")


def a_post_that_is_out(stack: Any) -> str:
    """The id of a post that another test has published, else of a new one."""
    for record in stack.records.all("main"):
        if record.state is PostState.POSTED and record.post_url:
            return str(record.key)
    key = stack.publish("Have a look")
    stack.wait_for(key, PostState.POSTED)
    return str(key)


def shown(ui: Any) -> list[str]:
    """The ids of the posts that wait, in the order of the page."""
    found = ui.browser.find_elements(By.CSS_SELECTOR, "[id^='waits-main--']")
    return [str(post.get_attribute("id")).removeprefix("waits-main--") for post in found]
