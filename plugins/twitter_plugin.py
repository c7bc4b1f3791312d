"""What the project adds to Airflow's UI; everything it names lives in the package ``airflow_twitter``."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from airflow_twitter.links.x_search import XSearchLink


class TwitterPlugin(AirflowPlugin):
    """Register the operator links and the pages of the project."""

    name = "twitter"
    operator_extra_links: ClassVar[list[XSearchLink]] = [XSearchLink()]
