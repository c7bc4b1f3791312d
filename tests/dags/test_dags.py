"""The project's DAG files as Airflow reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DAGS = Path(__file__).parent.parent.parent / "dags"

Load = Callable[..., DagBag]

UPKEEP = {"twitter_fill_gaps", "twitter_maintenance", "twitter_recheck", "twitter_spending"}
PUBLISHING = {
    "twitter_decide",
    "twitter_post__main",
    "twitter_publish",
    "twitter_publish_list",
    "twitter_release",
    "twitter_unpublish",
}
UNFOLDED = ("keyword", "text", "file")
"""Fields without a section, so that the form shows them unfolded."""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Read the project's DAG files beside a keywords.yaml of a test."""

    def load_dags(keywords: str | None = None) -> DagBag:
        folder = tmp_path / "dags"
        shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        if keywords is not None:
            (folder / "keywords.yaml").write_text(keywords)
        return DagBag(folder, bundle_path=folder)

    return load_dags


def collecting(bag: DagBag) -> set[str]:
    """The DAGs that collect posts."""
    return {dag_id for dag_id in bag.dags if dag_id.startswith("twitter_search")}


def mistakes(bag: DagBag) -> dict[str, str]:
    """The last line of each file's import error."""
    return {Path(path).name: error for path, error in bag.import_errors.items()}


def test_project(load: Load) -> None:
    """The project's own files import without an error: a DAG for each keyword and account, and those for any."""
    bag = load()

    assert bag.import_errors == {}
    assert {"twitter_search", "twitter_search__sevdesk"} <= set(bag.dags)
    assert {*UPKEEP, *PUBLISHING} <= set(bag.dags)


def test_future_logical_date(load: Load) -> None:
    """No DAG that publishes takes a logical date in the future: such a run would hold the account's only turn."""
    bag = load()
    queues = [dag_id for dag_id in bag.dags if dag_id.startswith("twitter_post__")]
    assert queues
    for dag_id in (*queues, *PUBLISHING):
        with pytest.raises(ValueError, match="lies in the future"):
            bag.dags[dag_id].timetable.infer_manual_data_interval(run_after=pendulum.now("UTC").add(days=1))


def test_dag_is_described(load: Load) -> None:
    """Every DAG has a page, a description, tags and an owner, and every field of its form a title, help and section."""
    for dag in load().dags.values():
        assert dag.doc_md
        assert dag.description
        assert "twitter" in dag.tags
        assert dag.owner == "airflow-twitter"
        assert dag.params
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema["title"], name
            assert bool(param.schema.get("section")) == (name not in UNFOLDED), name
            assert param.description, name


def test_dag_can_be_serialised(load: Load) -> None:
    """Every DAG becomes what the scheduler reads, with its operator links."""
    links: dict[str, list[str]] = {}
    for dag in load().dags.values():
        for task in DagSerialization.to_dict(dag)["dag"]["tasks"]:
            links.setdefault(task["__var"]["task_id"], list(task["__var"].get("_operator_extra_links", {})))
    assert links["search"] == ["Search on x.com"]
    assert links["record"] == ["Post on x.com"]
    assert links["hand_over"] == ["Triggered DAG"]


def test_bad_entries(load: Load) -> None:
    """Bad entries keep only themselves out, and Import Errors names each with file, line and key."""
    bag = load(
        "keywords:\n- keyword: good\n- keyword: bad\n  page_max: many\n- keyword: better\n  shedule: '@daily'\n"
    )

    assert collecting(bag) == {"twitter_search", "twitter_search__good"}
    errors = mistakes(bag)
    assert list(errors) == ["keywords_check.py"]
    assert "keywords.yaml, line 4, keywords[1].page_max: 'many' is not of type" in errors["keywords_check.py"]
    assert "keywords.yaml, line 6, keywords[2].shedule: unknown key" in errors["keywords_check.py"]


@pytest.mark.parametrize("text", ["keywords: [", "- a\n- b\n", "keywords:\n- keyword: a\n  keyword: b\n"])
def test_broken_file(load: Load, text: str) -> None:
    """Even a file that is no list leaves the other DAGs, and shows in Import Errors."""
    bag = load(text)
    assert collecting(bag) == {"twitter_search"}
    assert list(mistakes(bag)) == ["keywords_check.py"]
    assert "keywords.yaml, line " in mistakes(bag)["keywords_check.py"]


def test_bad_prices(tmp_path: Path) -> None:
    """Mistakes in spending.yaml show in Import Errors, and every DAG stays."""
    shutil.copytree(DAGS, tmp_path / "dags")
    (tmp_path / "dags" / "spending.yaml").write_text("prices:\n  post_read: cheap\n")
    bag = DagBag(tmp_path / "dags", bundle_path=tmp_path / "dags")

    assert "twitter_search__sevdesk" in bag.dags
    errors = mistakes(bag)
    assert list(errors) == ["spending_check.py"]
    assert "spending.yaml, line 2, prices.post_read: 'cheap' is not of type" in errors["spending_check.py"]


def test_keywords_are_missing(load: Load) -> None:
    """Without keywords there is the DAG for any keyword, and no error."""
    bag = load("keywords: []\n")
    assert collecting(bag) == {"twitter_search"}
    assert bag.import_errors == {}


def test_bad_accounts(tmp_path: Path) -> None:
    """A mistake in accounts.yaml keeps only its account out; without accounts there is no DAG that posts."""
    shutil.copytree(DAGS, tmp_path / "dags")
    accounts = tmp_path / "dags" / "accounts.yaml"
    accounts.write_text("accounts:\n- account: first\n- account: second\n  distance_s: far\n")
    bag = DagBag(tmp_path / "dags", bundle_path=tmp_path / "dags")

    assert {"twitter_post__first", "twitter_publish"} <= set(bag.dags)
    assert "twitter_post__second" not in bag.dags
    errors = mistakes(bag)
    assert list(errors) == ["accounts_check.py"]
    assert (
        "accounts.yaml, line 4, accounts[1].distance_s: 'far' is not of type" in errors["accounts_check.py"]
    )

    accounts.write_text("accounts: []\n")
    bag = DagBag(tmp_path / "dags", bundle_path=tmp_path / "dags")
    assert bag.import_errors == {}
    assert not PUBLISHING & set(bag.dags)


@pytest.mark.parametrize(
    "dag_id",
    [
        *sorted(PUBLISHING),
        "twitter_search",
        "twitter_search__sevdesk",
        "twitter_search__invoice",
        *sorted(UPKEEP),
    ],
)
def test_own_parse(load: Load, monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    """While a task parses the files for its own DAG, that one alone is built."""
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    assert list(load().dags) == [dag_id]


def test_import_reads_nothing(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the files opens no connection and reads no Airflow Connection or Variable."""
    import socket

    from airflow.sdk import Connection, Variable

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"a DAG file asked for {args} while it was imported")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(Connection, "get", refuse)
    monkeypatch.setattr(Variable, "get", refuse)

    assert load().import_errors == {}
