"""Make or upgrade Airflow's database, and give each connection of ``dags/keywords.yaml`` its pool.

A pool of one slot makes the keywords of one account of X take turns. Airflow never schedules a task whose
pool is missing, and a pool that is there keeps the slots that somebody gave it.
"""

from __future__ import annotations

from pathlib import Path

from airflow.configuration import conf
from airflow.models.pool import Pool
from airflow.utils import db

from airflow_twitter.collecting.keywords import read_keywords


def connection_ids(keywords: Path) -> set[str]:
    """Return the connections that the keywords use, and the default one."""
    entries, _ = read_keywords(keywords)
    return {"twitter_default", *(entry.settings["connection"] for entry in entries)}


def main() -> None:
    db.upgradedb()
    for connection_id in sorted(connection_ids(Path(conf.get("core", "dags_folder")) / "keywords.yaml")):
        if Pool.get_pool(connection_id) is None:
            description = f"Keywords take turns at connection {connection_id}"
            Pool.create_or_update_pool(connection_id, 1, description, include_deferred=False)


if __name__ == "__main__":
    main()
