"""The factory: one DAG per keyword, one for any keyword, with their forms."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from airflow_twitter.assets import NEW_POSTS, RATE_LIMIT, posts_asset
from airflow_twitter.collecting.form import FIELDS, parse
from airflow_twitter.dag_factories.search import any_keyword_dag, keyword_dags
from airflow_twitter.dag_factories.shared import refuse_unknown_keys

TASKS = ["wait_for_rate_limit", "search", "validate", "merge", "window_complete"]


def dags(folder: Path, text: str) -> dict[str, DAG]:
    """The DAGs of a keywords.yaml."""
    path = folder / "keywords.yaml"
    path.write_text(f"keywords:\n{text}")
    return keyword_dags(path)


def one(folder: Path, entry: str) -> DAG:
    """The DAG of one entry."""
    (dag,) = dags(folder, f"- {entry}").values()
    return dag


def rendered(dag: DAG, task_id: str = "search", **conf: Any) -> Any:
    """A task whose templates are rendered with the params of a run."""
    task = dag.task_dict[task_id].prepare_for_execution()
    for name, value in conf.items():
        dag.params[name] = value
    context: Any = {"params": dag.params.dump(), "dag": dag, "task": task}
    task.render_template_fields(context)
    return task


class TestKeywordDag:
    """The DAG of an entry."""

    def test_tasks(self, tmp_path: Path) -> None:
        """Four tasks follow each other, and a fifth that costs no worker stands for the window."""
        dag = one(tmp_path, "keyword: sevdesk")

        assert dag.dag_id == "twitter_search__sevdesk"
        assert [task.task_id for task in dag.topological_sort()] == TASKS
        upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
        assert upstream == {
            "wait_for_rate_limit": set(),
            "search": {"wait_for_rate_limit"},
            "validate": {"search"},
            "merge": {"validate"},
            "window_complete": {"search", "merge"},
        }
        assert all(task.retries == 3 and task.owner == "airflow-twitter" for task in dag.tasks)

    def test_what_the_scheduler_goes_by(self, tmp_path: Path) -> None:
        """What was bought is kept however the search ends, and a failed search leaves the only leaf failed."""
        dag = DagSerialization.from_dict(DagSerialization.to_dict(one(tmp_path, "keyword: sevdesk")))

        rules = {task.task_id: task.trigger_rule for task in dag.tasks}
        assert rules == dict.fromkeys(TASKS, "all_success") | {
            "validate": "all_done",
            "window_complete": "none_failed",
        }
        assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["window_complete"]
        assert [task.task_id for task in dag.tasks if task.inherits_from_empty_operator] == [
            "window_complete"
        ]
        assert [task.task_id for task in dag.tasks if task.inherits_from_skipmixin] == ["search", "merge"]

    def test_schedule(self, tmp_path: Path) -> None:
        """A day's run covers the 24 hours before it, from the start date on, without catching up unless asked to."""
        dag = one(tmp_path, "{keyword: sevdesk, start_date: 2026-03-01}")

        assert isinstance(dag.timetable, CronDataIntervalTimetable)
        assert dag.timetable.expression == "0 0 * * *"
        assert dag.start_date == datetime(2026, 3, 1, tzinfo=UTC)
        assert not dag.catchup
        assert one(tmp_path, "{keyword: sevdesk, catchup: true}").catchup

    def test_own_schedule(self, tmp_path: Path) -> None:
        """Every entry has a schedule of its own, or none."""
        hourly = one(tmp_path, "{keyword: sevdesk, schedule: 15 * * * *}")
        assert isinstance(hourly.timetable, CronDataIntervalTimetable)
        assert hourly.timetable.expression == "15 * * * *"
        assert not isinstance(
            one(tmp_path, "{keyword: sevdesk, schedule: null}").timetable, CronDataIntervalTimetable
        )

    def test_connection_and_pool(self, tmp_path: Path) -> None:
        """The searches of one connection share its pool; the sensor holds no slot of it."""
        dag = one(tmp_path, "{keyword: sevdesk, connection: twitter_archive}")

        search, sensor = dag.task_dict["search"], dag.task_dict["wait_for_rate_limit"]
        assert search.pool == "twitter_archive"
        assert sensor.pool == "default_pool"
        assert (search.twitter_conn_id, sensor.twitter_conn_id) == ("twitter_archive", "twitter_archive")

    def test_assets(self, tmp_path: Path) -> None:
        """Merge tells of the keyword's new posts; what asks of X's limit names its asset."""
        dag = one(tmp_path, "keyword: sevdesk")
        assert dag.task_dict["merge"].outlets == [posts_asset("sevdesk")]
        assert [task.task_id for task in dag.tasks if RATE_LIMIT in task.inlets] == TASKS[:2]

    def test_entry_is_the_default(self, tmp_path: Path) -> None:
        """What an entry sets is its form's default, and is searched for when nobody says otherwise."""
        dag = one(
            tmp_path, "{keyword: Café 🧾, language: fr, page_max: 7, max_results: 50, bad_share_max: 0.5}"
        )

        search = parse(rendered(dag).search)
        assert (search["keyword"], search["language"]) == ("Café 🧾", "fr")
        assert (search["page_max"], search["max_results"]) == (7, 50)
        assert float(rendered(dag, "validate").bad_share_max) == 0.5
        assert rendered(dag, "merge").export == "True"

    def test_no_page_max(self, tmp_path: Path) -> None:
        """Unless one is set there is no page_max, so that a scheduled day is whole."""
        assert parse(rendered(one(tmp_path, "keyword: sevdesk")).search)["page_max"] is None

    def test_keyword_is_fixed(self, tmp_path: Path) -> None:
        """The form of a keyword's DAG does not ask for its keyword."""
        dag = one(tmp_path, "keyword: sevdesk")
        assert set(FIELDS) - set(dag.params) == {"keyword", "query", "language"}

    @pytest.mark.parametrize(
        "text", ["{{ 1 + 1 }}", "{% if %}", "{# c #}", "{{ params.max_results }}", "a {b} c", "100%"]
    )
    def test_text_that_looks_like_a_template(self, tmp_path: Path, text: str) -> None:
        """A keyword or query of the file is searched for as it stands there."""
        dag = one(tmp_path, f"keyword: '{text}'\n  query: 'a {text}'")
        search = rendered(dag).search
        assert (search["keyword"], search["query"]) == (text, f"a {text}")

    def test_doc(self, tmp_path: Path) -> None:
        """The DAG's page shows the keyword as text, not as markup, and the dataset's name."""
        dag = one(tmp_path, "keyword: '<b>*x*</b> {slug}'")
        assert dag.doc_md is not None
        assert "<b>" not in dag.doc_md
        assert "*x*" not in dag.doc_md
        slug = dag.dag_id.removeprefix("twitter_search__")
        assert f"tweets_{slug}.json" in dag.doc_md

    def test_strange_keywords(self, tmp_path: Path) -> None:
        """Whatever the keyword, its DAG can be serialised, under an id of its own that Airflow takes."""
        keywords = [
            "../../etc",
            "🧾",
            "a/b",
            "x" * 500,
            "café",
            "CAFÉ",
            "a b",
            "a-b",
            'say "hi"',
            "{{ x }}",
            "O'Neill",
        ]
        built = dags(
            tmp_path,
            "".join(f"- keyword: {json.dumps(keyword, ensure_ascii=False)}\n" for keyword in keywords),
        )

        assert len(built) == len(keywords)
        for dag_id, dag in built.items():
            assert dag.dag_id == dag_id
            assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == dag_id


class TestAnyKeyword:
    """`twitter_search`."""

    def test_form(self) -> None:
        """Every field is in the form, with title and help; the keyword, which must be filled in, is unfolded."""
        dag = any_keyword_dag()

        assert list(dag.params) == list(FIELDS)
        for name in FIELDS:
            schema = dag.params.get_param(name).schema
            assert schema["title"]
            assert bool(schema.get("section")) == (name != "keyword")
            assert dag.params.get_param(name).description
        with pytest.raises(ParamValidationError):
            dag.params.validate()

    def test_runs_by_hand(self) -> None:
        """It has no schedule, and tells of new posts by an alias, since nobody knows the keyword yet."""
        dag = any_keyword_dag()
        assert (dag.dag_id, dag.schedule) == ("twitter_search", None)
        assert dag.task_dict["merge"].outlets == [NEW_POSTS]

    @pytest.mark.parametrize(
        "keyword", ["sevdesk", "{{ 1 + 1 }}", "a 'b' \"c\"", "<&>", "🧾 é", "a\\nb", "True", "  x "]
    )
    def test_keyword_as_typed(self, keyword: str) -> None:
        """What is typed reaches the search as it is: it is text, not a template."""
        assert rendered(any_keyword_dag(), keyword=keyword).search["keyword"] == keyword

    def test_every_field_reaches_the_search(self) -> None:
        """What the form says is what the search is asked, with its type."""
        conf = {
            "keyword": "sevdesk",
            "query": "from:sevdesk",
            "language": "de",
            "endpoint": "all",
            "max_results": 200,
            "page_max": 3,
            "start_time": "2026-11-01T00:00:00Z",
            "end_time": "2026-11-02T00:00:00Z",
            "settle_s": 1.5,
            "overlap_s": 0,
            "deadline": "PT6H",
            "continue_from_run": "manual__2026-11-01T00:00:00+00:00",
            "refetch": True,
            "expand": True,
            "estimate": "warn",
            "dry_run": True,
            "verify_counts": True,
            "run_budget": 2.5,
            "vocabulary": "post",
            "bad_share_max": 0.25,
            "export": False,
        }
        assert set(conf) == set(FIELDS)
        dag = any_keyword_dag()

        search = parse(rendered(dag, **conf).search)

        of_others = ("bad_share_max", "export")
        assert {name: value for name, value in search.items() if name not in of_others} == {
            name: value for name, value in conf.items() if name not in of_others
        }
        assert rendered(dag, "wait_for_rate_limit").search == rendered(dag).search
        assert float(rendered(dag, "validate").bad_share_max) == 0.25
        assert rendered(dag, "merge").export == "False"

    def test_empty_fields(self) -> None:
        """Fields that are left empty are None in the search."""
        search = parse(rendered(any_keyword_dag(), keyword="sevdesk").search)
        assert search == parse({"keyword": "sevdesk"})

    @pytest.mark.parametrize(
        ("name", "value"), [("max_results", 5), ("page_max", 0), ("endpoint", "x"), ("refetch", "no")]
    )
    def test_wrong_value(self, name: str, value: Any) -> None:
        """A value that its schema refuses is refused when the run is triggered."""
        dag = any_keyword_dag()
        with pytest.raises(ParamValidationError):
            dag.params[name] = value


class TestUnknownKeys:
    """Airflow takes unknown keys of a conf in silence; the first task does not."""

    @staticmethod
    def context(conf: dict[str, Any] | None, dag: DAG) -> Any:
        """What the first task is given."""
        return {"dag": dag, "dag_run": SimpleNamespace(conf=conf)}

    def test_refused(self) -> None:
        """Unknown keys fail the run before anything is bought, by name, with those that are known."""
        with pytest.raises(
            AirflowFailException, match=r"conf: keywrod, pages\. Known are: keyword, .*Nothing was bought"
        ):
            refuse_unknown_keys(self.context({"keyword": "x", "pages": 3, "keywrod": "x"}, any_keyword_dag()))

    def test_keyword_of_a_keyword_dag(self, tmp_path: Path) -> None:
        """A keyword's DAG collects its own: another one in its conf is refused, not ignored."""
        with pytest.raises(AirflowFailException, match="keyword"):
            refuse_unknown_keys(self.context({"keyword": "x"}, one(tmp_path, "keyword: sevdesk")))

    @pytest.mark.parametrize("conf", [None, {}, {"keyword": "x", "page_max": 1}])
    def test_known(self, conf: dict[str, Any] | None) -> None:
        """Known keys, or none, pass."""
        refuse_unknown_keys(self.context(conf, any_keyword_dag()))

    def test_is_asked_first(self, tmp_path: Path) -> None:
        """The first task of every DAG asks."""
        for dag in (any_keyword_dag(), one(tmp_path, "keyword: sevdesk")):
            assert dag.task_dict["wait_for_rate_limit"]._pre_execute_hook is refuse_unknown_keys


class TestOwnParse:
    """A task parses the file for its own DAG only."""

    TEXT = "- keyword: sevdesk\n- keyword: accounting\n- keyword: bad\n  page_max: x\n"

    @pytest.mark.parametrize(
        ("dag_id", "built"),
        [
            (None, ["twitter_search__sevdesk", "twitter_search__accounting"]),
            ("twitter_search__accounting", ["twitter_search__accounting"]),
            ("twitter_search__bad", []),
            ("twitter_search__gone", []),
            ("twitter_search", []),
            ("somebody_elses", []),
        ],
    )
    def test_builds_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dag_id: str | None, built: list[str]
    ) -> None:
        """Only the DAG that the parse is for is built."""
        monkeypatch.delenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", raising=False)
        if dag_id is not None:
            monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        assert list(dags(tmp_path, self.TEXT)) == built
