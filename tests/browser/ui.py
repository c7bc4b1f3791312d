"""Airflow's UI as a person uses it: by what is written on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

TIMEOUT_S = 40

_NAMED = """
const [selector, name] = arguments;
const named = (element) => [element.innerText.trim(), element.getAttribute("aria-label")].includes(name);
return [...document.querySelectorAll(selector)].findLast((it) => it.checkVisibility() && named(it));
"""


class Ui:
    """One browser before Airflow's UI."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def log_in(self, user: str, password: str) -> None:
        """Log in by the form."""
        self.browser.get(self.url)
        self.find("input[name=username]").send_keys(user)
        self.find("input[name=password]").send_keys(password)
        self.find("button[type=submit]").click()
        self.wait(lambda: "/auth/login" not in self.browser.current_url, "the page behind the login")
        self.find("nav a, a[href$='dags']")

    def as_usual(self) -> None:
        """Leave frames, and show the light theme at the usual size."""
        self.browser.switch_to.default_content()
        self.theme("light")

    def theme(self, name: str) -> None:
        """Choose the UI's theme; it shows on the next page."""
        self.browser.execute_script("localStorage.setItem('theme', arguments[0])", name)

    def open(self, path: str) -> None:
        """Go to an address of the UI."""
        self.browser.get(self.url + path)

    def open_status(self) -> None:
        """Go to the status page by the navigation, and step into its frame."""
        self.open_page("X posts")

    def open_page(self, name: str) -> None:
        """Go to a page of ours by the navigation, and step into its frame."""
        self.browser.switch_to.default_content()
        self.open("/")
        self.button(name, "a").click()
        self.browser.switch_to.frame(self.find(f"iframe[title='{name}']"))
        self.find("h1")

    def find(self, selector: str) -> WebElement:
        """Return the first element that fits, as soon as it is shown."""
        return self.wait(lambda: next((it for it in self.all(selector) if it.is_displayed()), None), selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return every element that fits."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def button(self, text: str, selector: str = "button") -> WebElement:
        """Return the button, or another element, with this text or label, as soon as it is shown."""
        return self.wait(lambda: self.browser.execute_script(_NAMED, selector, text), f"{selector} {text!r}")

    def dialog(self) -> WebElement:
        """Return the dialog that is open."""
        return self.find("[role=dialog][data-state=open]")

    def text(self) -> str:
        """Return all that is to be read."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    def wait(self, what: Callable[[], Any], name: str, timeout_s: float = TIMEOUT_S) -> Any:
        """Return what a function gives as soon as it is something."""
        waiting = WebDriverWait(
            self.browser, timeout_s, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: what(), f"Waited {timeout_s} s in vain for {name}")

    def console_errors(self) -> list[str]:
        """Return the errors that the console has shown since it was last asked."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
