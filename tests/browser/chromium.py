"""Chromium without a window, with a profile of its own, and what it wrote to its console."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
)


def missing() -> str | None:
    """Return what is not installed here, None when a browser can be started."""
    if not any(map(shutil.which, BROWSERS)):
        return "no Chromium (Debian and Ubuntu: apt install chromium chromium-driver)"
    return None if shutil.which("chromedriver") else "no chromedriver (Debian: apt install chromium-driver)"


@contextmanager
def open_browser(width: int = 1400, height: int = 900, *, dark: bool = False) -> Iterator[Chrome]:
    """Start a browser of this size in CSS pixels, ended with the block."""
    options = ChromeOptions()
    options.binary_location = next(path for path in map(shutil.which, BROWSERS) if path)
    with tempfile.TemporaryDirectory(prefix="airflow-twitter-chromium-") as profile:
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
            )
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield browser
        finally:
            browser.quit()
