"""What the project adds to Airflow's UI; everything it names lives in the package ``airflow_twitter``."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink
from airflow.timetables.base import Timetable

# Airflow loads plugins before its workers fork, so that each task finds the package loaded: a good part of the
# time that a short task takes.
import airflow_twitter.dag_factories.publish
import airflow_twitter.dag_factories.search  # noqa: F401
from airflow_twitter.accounts.timetable import OnRequestTimetable
from airflow_twitter.links.post import XPostLink
from airflow_twitter.links.x_search import XSearchLink
from airflow_twitter.pages import CONNECTION_TEST, QUEUE_VIEW, STATUS_APP, STATUS_VIEW


class TwitterPlugin(AirflowPlugin):
    """Register the operator links, the timetable and the pages of the project."""

    name = "twitter"
    operator_extra_links: ClassVar[list[BaseOperatorLink]] = [XSearchLink(), XPostLink()]
    timetables: ClassVar[list[type[Timetable]]] = [OnRequestTimetable]
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [STATUS_APP]
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = [CONNECTION_TEST]
    external_views: ClassVar[list[dict[str, Any]]] = [STATUS_VIEW, QUEUE_VIEW]
