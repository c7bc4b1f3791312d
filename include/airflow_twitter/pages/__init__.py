"""The pages in Airflow's UI: how the collecting stands, and what waits to be posted.

This module is imported by every process of Airflow, tasks included, so the pages themselves are loaded by their
first request.
"""

from __future__ import annotations

from airflow_twitter.pages.portless import Message, PortlessConnectionTest, Receive, Send


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer an ASGI request with the page's application."""
    from airflow_twitter.pages.app import app as application

    await application(scope, receive, send)


_BARS = "M3 21h18M6 17v-5M12 17V4M18 17V9"
_LINES = "M4 6h16M4 16h7M17 11v9M13.5 16.5 17 20l3.5-3.5"


def _icon(lines: str, colour: str, halo: str) -> str:
    """Return lines as an image in a URL; the halo keeps it visible when its entry is the chosen one."""
    bars = f"d='{lines}'"
    return (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' "
        "stroke-linecap='round' stroke-linejoin='round'%3E"
        f"%3Cpath {bars} stroke='%23{halo}' stroke-width='5'/%3E%3Cpath {bars} stroke='%23{colour}' stroke-width='2'/%3E"
        "%3C/svg%3E"
    )


STATUS_APP = {"name": "X posts", "app": app, "url_prefix": "/twitter"}
"""Where Airflow's API server mounts the pages; who may see them is checked by the pages themselves."""

STATUS_VIEW = {
    "name": "X posts",
    # Relative, so that it also holds where Airflow lies below a path of its server.
    "href": "twitter/status",
    "url_route": "twitter",
    "destination": "nav",
    "nav_top_level": True,
    "icon": _icon(_BARS, "3d4f6b", halo="e6eef8"),
    "icon_dark_mode": _icon(_BARS, "c8d3e2", halo="2a4270"),
}
"""What was collected, in the navigation of Airflow's UI."""

QUEUE_VIEW = {
    "name": "X queue",
    "href": "twitter/queue",
    "url_route": "twitter-queue",
    "destination": "nav",
    "nav_top_level": True,
    "icon": _icon(_LINES, "3d4f6b", halo="e6eef8"),
    "icon_dark_mode": _icon(_LINES, "c8d3e2", halo="2a4270"),
}
"""What waits to be posted, in the navigation of Airflow's UI."""

CONNECTION_TEST = {"name": "connection test without a port", "middleware": PortlessConnectionTest}
"""What makes the Test button of the connection form work."""
