"""Look after what was collected: one DAG for each kind of upkeep."""

from __future__ import annotations

from airflow_twitter.upkeep.building import wanted
from airflow_twitter.upkeep.fill_gaps import FILL_GAPS_DAG_ID, fill_gaps_dag
from airflow_twitter.upkeep.maintenance import MAINTENANCE_DAG_ID, maintenance_dag
from airflow_twitter.upkeep.recheck import RECHECK_DAG_ID, recheck_dag
from airflow_twitter.upkeep.spending import SPENDING_DAG_ID, spending_dag

BUILDERS = {
    FILL_GAPS_DAG_ID: fill_gaps_dag,
    MAINTENANCE_DAG_ID: maintenance_dag,
    RECHECK_DAG_ID: recheck_dag,
    SPENDING_DAG_ID: spending_dag,
}

globals().update(wanted(BUILDERS))
