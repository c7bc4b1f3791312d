"""What clearing some tasks of a run, and not the others, would leave undone."""

from __future__ import annotations

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.collecting.run import VALIDATE_TASK_ID


def refuse_stale(context: Context) -> None:
    """Refuse to buy pages that nobody would validate and merge: fails the task before anything is bought.

    After a failed search `validate` and `merge` have kept what there was, and are not among the run's failed
    tasks: whoever clears only those, or `search` alone, would end with a green run and pages left in staging.
    """
    ti, run = context["ti"], context["dag_run"]
    if not run.clear_number:
        return
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[VALIDATE_TASK_ID], run_ids=[run.run_id])
    if states.get(run.run_id, {}).get(VALIDATE_TASK_ID) in ("success", "skipped"):
        raise AirflowFailException(
            f"{VALIDATE_TASK_ID} was not cleared together with {ti.task_id}, so it would not see the pages that are "
            "still to be bought. Nothing was bought. Clear the whole run, not only its failed tasks: what is staged "
            "is not bought again."
        )
