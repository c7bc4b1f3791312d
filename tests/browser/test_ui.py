"""What the project shows in Airflow's own UI, in a real browser. Each test also fails on an error in the console."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from airflow_twitter.collecting.form import FIELDS
from airflow_twitter.provider import get_provider_info


def test_the_trigger_form_explains_itself(ui: Any) -> None:
    """The form shows the keyword at once and every other field under its section, with title and meaning."""
    ui.open("/dags/twitter_search")
    ui.button("Trigger").click()
    dialog = ui.dialog()
    for section, fields in groupby(FIELDS.values(), key=lambda field: field.get("section")):
        if section is not None:
            ui.button(section).click()
        for field in fields:
            shown = (field["title"], plain(field["description"]))
            ui.wait(lambda shown=shown: all(text in plain(dialog.text) for text in shown), shown)


def test_a_keyword_is_all_that_the_form_asks_for(ui: Any) -> None:
    """Without a keyword nothing can be triggered; with one, everything else has its default."""
    ui.open("/dags/twitter_search")
    ui.button("Trigger").click()
    ui.dialog()
    trigger = ui.button("Trigger")
    assert not trigger.is_enabled()
    ui.find("input[name=element_keyword]").send_keys("invoice")
    ui.wait(lambda: ui.button("Trigger").is_enabled(), "the Trigger button")


@pytest.fixture
def saved_connection(ui: Any, stack: Any) -> str:
    """A connection of type `twitter` to the simulator, typed into the form and saved."""
    conn_id = "twitter_typed"
    ui.open("/connections")
    ui.button("Add Connection").click()
    dialog = ui.dialog()
    ui.find("input[name=connection_id]").send_keys(conn_id)
    dialog.find_element(By.CSS_SELECTOR, "[role=combobox]").send_keys("X (Twitter)", Keys.ENTER)
    ui.find("input[name=host]").send_keys(stack.simulator.url)
    ui.find("input[name=login]").send_keys("key")
    ui.find("input[name=password]").send_keys("secret")
    ui.button("Save").click()
    ui.wait(lambda: conn_id in ui.find("tbody").text, "the saved connection")
    return conn_id


def test_the_connection_form_is_xs_own(ui: Any) -> None:
    """The type `twitter` names its fields as X does, hides those without a meaning, and keeps secrets covered."""
    kind = get_provider_info()["connection-types"][0]
    ui.open("/connections")
    ui.button("Add Connection").click()
    dialog = ui.dialog()
    dialog.find_element(By.CSS_SELECTOR, "[role=combobox]").send_keys("X (Twitter)", Keys.ENTER)
    ui.find("input[name=host]")
    for label in kind["ui-field-behaviour"]["relabeling"].values():
        assert label in dialog.text
    for hidden in kind["ui-field-behaviour"]["hidden-fields"]:
        assert not [field for field in ui.all(f"[name={hidden}]") if field.is_displayed()]
    assert ui.find("input[name=host]").get_attribute("placeholder") == "https://api.x.com"
    assert ui.find("input[name=password]").get_attribute("type") == "password"
    ui.button("Extra Fields").click()
    for name, field in kind["conn-fields"].items():
        covered = ui.find(f"input[name=element_{name}]").get_attribute("type") == "password"
        assert covered is (field["schema"].get("format") == "password"), name
        ui.wait(lambda text=field["label"]: text in dialog.text, field["label"])


def test_the_test_button_asks_x(ui: Any, saved_connection: str, stack: Any) -> None:
    """The Test button of a saved connection gets a token and reads the usage, with the secret that was saved."""
    asked = len(stack.simulator.book.requests)
    ui.button("Test Connection").click()
    ui.wait(
        lambda: "green" in (ui.button("Test Connection").get_attribute("innerHTML") or ""), "a green mark"
    )
    endpoints = [request.endpoint for request in stack.simulator.book.requests[asked:]]
    assert endpoints == ["token", "usage"]


def test_the_status_page_shows_how_things_stand(ui: Any) -> None:
    """Reached by the navigation, the page tells of the simulator, the waiting run and the partial window."""
    ui.open_status()
    text = ui.text()
    assert "Simulator, not X." in text
    assert "0 of 2" in text
    assert "when X's rate limit allows" in text
    assert '"keyword": "accounting", "continue_from_run": "manual__' in text
    assert "1 page of 3, 20 posts" in text


def test_the_status_page_takes_on_the_theme(ui: Any) -> None:
    """The page is light in the light UI and dark in the dark one, and its text stands out in both."""
    shown = {}
    for theme in ("light", "dark"):
        ui.browser.switch_to.default_content()
        ui.theme(theme)
        ui.open_status()
        style = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        shown[theme] = [brightness(colour) for colour in ui.browser.execute_script(style)]
    assert shown["light"][0] > 240 > 60 > shown["light"][1]
    assert shown["dark"][0] < 60 < 240 < shown["dark"][1]


def test_links_of_the_status_page_open_in_the_ui(ui: Any) -> None:
    """A link leads to the run in the UI itself, not inside the frame, and Back leads to the page again."""
    ui.open_status()
    link = ui.find("a.run")
    run_id = link.text
    link.click()
    ui.browser.switch_to.default_content()
    ui.wait(lambda: "/dags/twitter_search/runs/" in ui.browser.current_url, "the run's address")
    ui.wait(lambda: run_id in ui.text(), "the run")
    assert ui.all("iframe") == []
    ui.browser.back()
    ui.find("iframe[title='X posts']")


def test_the_status_page_is_for_everybody(ui: Any) -> None:
    """On its own, narrow and without JavaScript the page is whole; headings, tables and language say what they are."""
    browser = ui.browser
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        ui.open("/twitter/status")
        assert "Simulator, not X." in ui.text()
        assert [heading.text for heading in ui.all("h1")] == ["X posts"]
        assert len(ui.all("h2")) == 5
        assert ui.all("html[lang=en]")
        for table in ui.all("table"):
            headers = table.find_elements(By.CSS_SELECTOR, "thead th[scope=col]")
            assert headers
            assert table.find_elements(By.CSS_SELECTOR, "tbody th[scope]")
        assert ui.all("a.run")[0].get_attribute("href").startswith(f"{ui.url}/dags/twitter_search/runs/")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    ui.open("/twitter/status")
    width = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, there = browser.execute_script(width)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"width": 1400, "height": 900})
    assert needed <= there


def brightness(colour: str) -> float:
    """Return how bright a CSS colour like `rgb(1, 2, 3)` is, from 0 to 255."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def plain(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())
