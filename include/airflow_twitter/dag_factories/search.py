"""Build the DAGs that collect posts: one per keyword of ``keywords.yaml``, and one for any keyword."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    CronDataIntervalTimetable,
    Param,
    TriggerRule,
    chain,
    get_parsing_context,
    literal,
)

from airflow_twitter.assets import NEW_POSTS, posts_asset
from airflow_twitter.collecting.form import FIELDS
from airflow_twitter.collecting.keywords import Keyword, read_keywords
from airflow_twitter.collecting.run import COMPLETE_TASK_ID, SEARCH_TASK_ID, VALIDATE_TASK_ID
from airflow_twitter.dag_factories.shared import DEFAULT_ARGS, refuse_unknown_keys
from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID, keyword_dag_id
from airflow_twitter.operators.merge import TwitterMergeOperator
from airflow_twitter.operators.search import TwitterSearchOperator
from airflow_twitter.operators.validate import TwitterValidateOperator
from airflow_twitter.sensors.rate_limit import TwitterRateLimitSensor

_FIXED_BY_KEYWORD = ("keyword", "query", "language")
_NOT_SEARCHED_FOR = ("bad_share_max", "export")

_STEPS = """
| task | what it does |
|---|---|
| `wait_for_rate_limit` | decides the window, waits until it has settled and X has room; holds no slot |
| `search` | fetches page by page; each page is kept before the next is asked for. Waits without a slot |
| `validate` | good posts on, bad ones to quarantine with reasons; asks X nothing |
| `merge` | posts into `posts/{slug}/`, by id; then `tweets_{slug}.json`; asks X nothing |
| `window_complete` | does nothing: green when the window is complete, skipped when the run ended partial |

When `search` fails, `validate` and `merge` still keep what was bought, and the run ends red. A failed or cleared
task goes on behind the last page that is kept: nothing is bought twice. To go on after a failure, clear the run. A
run that ends *partial* says so in the log of `search`, and goes on in a new run with `continue_from_run`.
"""


def keyword_dags(path: Path) -> dict[str, DAG]:
    """Return the DAGs of all keywords that are right, by DAG id.

    While a task parses the file for its own DAG, only that DAG is built.
    """
    dag_id = get_parsing_context().dag_id
    prefix = keyword_dag_id("")
    if dag_id is not None and not dag_id.startswith(prefix):
        return {}
    keywords, _ = read_keywords(path, only_slug=dag_id and dag_id.removeprefix(prefix))
    return {keyword_dag_id(keyword.slug): keyword_dag(keyword) for keyword in keywords}


def keyword_dag(keyword: Keyword) -> DAG:
    """Return the scheduled DAG of one keyword."""
    settings = keyword.settings
    schedule = settings["schedule"]
    search = {name: _as_written(settings[name]) for name in _FIXED_BY_KEYWORD}
    return _collecting_dag(
        keyword_dag_id(keyword.slug),
        description=f"Posts about {settings['keyword']!r} from X",
        doc=f"Collects posts about **{_plain(settings['keyword'])}** on the schedule `{schedule}` and whenever it is "
        f"triggered.\n{_STEPS.format(slug=keyword.slug)}",
        schedule=schedule and CronDataIntervalTimetable(schedule, timezone="UTC"),
        start_date=datetime.fromisoformat(settings["start_date"]).replace(tzinfo=UTC),
        catchup=settings["catchup"],
        params=_params(
            {name: settings.get(name) for name in FIELDS if name in settings}, without=_FIXED_BY_KEYWORD
        ),
        fixed=search,
        conn_id=settings["connection"],
        outlet=posts_asset(keyword.slug),
        tags=["twitter", "keyword"],
    )


def any_keyword_dag() -> DAG:
    """Return the DAG that collects whatever keyword is typed into its form."""
    return _collecting_dag(
        ANY_KEYWORD_DAG_ID,
        description="Posts about any keyword from X",
        doc=f"Collects posts about the keyword that is typed into the form.\n{_STEPS.format(slug='<slug>')}",
        schedule=None,
        params=_params({}),
        fixed={},
        conn_id="twitter_default",
        outlet=NEW_POSTS,
        tags=["twitter"],
    )


def _collecting_dag(
    dag_id: str,
    *,
    doc: str,
    fixed: dict[str, Any],
    conn_id: str,
    outlet: Asset | AssetAlias,
    **kwargs: Any,
) -> DAG:
    params = kwargs.pop("params")
    search = {
        name: _template(name) for name in FIELDS if name in params and name not in _NOT_SEARCHED_FOR
    } | fixed
    with DAG(dag_id, doc_md=doc, max_active_runs=16, default_args=DEFAULT_ARGS, **kwargs) as dag:
        wait = TwitterRateLimitSensor(
            task_id="wait_for_rate_limit",
            search=search,
            twitter_conn_id=conn_id,
            pre_execute=refuse_unknown_keys,
        )
        # A connection's pool has its name, and one slot, so that searches do not race for its quota.
        pages = TwitterSearchOperator(
            task_id=SEARCH_TASK_ID,
            search=search,
            twitter_conn_id=conn_id,
            pool=conn_id,
            complete_task_id=COMPLETE_TASK_ID,
        )
        # However the search ends, what it has bought is kept.
        validate = TwitterValidateOperator(
            task_id=VALIDATE_TASK_ID,
            bad_share_max="{{ params.bad_share_max }}",
            trigger_rule=TriggerRule.ALL_DONE,
        )
        merge = TwitterMergeOperator(
            task_id="merge",
            export="{{ params.export }}",
            outlets=[outlet],
            complete_task_id=COMPLETE_TASK_ID,
        )
        # The only leaf, so that a failed search makes the run red. A run without posts, whose merge is skipped, is
        # complete too.
        complete = EmptyOperator(task_id=COMPLETE_TASK_ID, trigger_rule=TriggerRule.NONE_FAILED)
        chain(wait, pages, validate, merge, complete)
        pages >> complete
    # Only now: the tasks would each copy, check and store all of them, which is most of what a hundred DAGs cost.
    dag.params.update(params)
    return dag


def _params(values: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Param]:
    """Return the form's params with `values` in place of the defaults."""
    return {
        name: Param(
            **{key: value for key, value in schema.items() if key != "default"}
            | (
                {"default": values.get(name, schema.get("default"))}
                if name in values or "default" in schema
                else {}
            )
        )
        for name, schema in FIELDS.items()
        if name not in without
    }


def _template(name: str) -> str:
    if "null" in FIELDS[name]["type"]:
        return f"{{{{ '' if params.{name} is none else params.{name} }}}}"
    return f"{{{{ params.{name} }}}}"


def _as_written(text: str | None) -> Any:
    """Keep Jinja away from text of ``keywords.yaml`` that looks like a template: it is to be searched for."""
    return literal(text) if text and "{" in text else text


def _plain(text: str) -> str:
    """Return text that Markdown and HTML show as it is."""
    return "".join(f"&#{ord(char)};" if char in "<>&*_`[]|#\\\"'" else char for char in text)
