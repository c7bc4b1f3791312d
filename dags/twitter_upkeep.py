"""Look after what was collected: one DAG for each kind of upkeep."""

from __future__ import annotations

from airflow_twitter.dag_factories.fill_gaps import fill_gaps_dag
from airflow_twitter.dag_factories.maintenance import maintenance_dag
from airflow_twitter.dag_factories.recheck import recheck_dag
from airflow_twitter.dag_factories.shared import wanted
from airflow_twitter.dag_factories.spending import spending_dag
from airflow_twitter.dag_ids import FILL_GAPS_DAG_ID, MAINTENANCE_DAG_ID, RECHECK_DAG_ID, SPENDING_DAG_ID

FACTORIES = {
    FILL_GAPS_DAG_ID: fill_gaps_dag,
    MAINTENANCE_DAG_ID: maintenance_dag,
    RECHECK_DAG_ID: recheck_dag,
    SPENDING_DAG_ID: spending_dag,
}

globals().update(wanted(FACTORIES))
