"""The project's DAG files as Airflow reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DAGS = Path(__file__).parent.parent.parent / "dags"

Load = Callable[..., DagBag]


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
    """The project's own files import without an error: a DAG for each keyword, and one for any."""
    bag = load()

    assert bag.import_errors == {}
    assert {"twitter_search", "twitter_search__sevdesk"} <= set(bag.dags)
    assert {"twitter_maintenance"} <= set(bag.dags)


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
            assert bool(param.schema.get("section")) == (name != "keyword"), name
            assert param.description, name


def test_dag_can_be_serialised(load: Load) -> None:
    """Every DAG becomes what the scheduler reads; those that collect posts with their operator link."""
    bag = load()
    for dag in bag.dags.values():
        tasks = {
            task["__var"]["task_id"]: task["__var"] for task in DagSerialization.to_dict(dag)["dag"]["tasks"]
        }
        if dag.dag_id not in collecting(bag):
            continue
        assert list(tasks["search"]["_operator_extra_links"]) == ["Search on x.com"]


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
    """Even a file that is no list leaves the DAG for any keyword, and shows in Import Errors."""
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


@pytest.mark.parametrize(
    "dag_id", ["twitter_search", "twitter_search__sevdesk", "twitter_search__invoice", "twitter_maintenance"]
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
