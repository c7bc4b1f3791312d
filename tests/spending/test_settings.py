"""Prices and budgets as a user writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.settings import Settings, read_settings

PROJECT = Path(__file__).parent.parent.parent
Read = Callable[[str | bytes], tuple[Settings, list[str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write spending.yaml and read it; mistakes as text."""

    def read_text(text: str | bytes) -> tuple[Settings, list[str]]:
        path = tmp_path / "spending.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        found, mistakes = read_settings(path)
        return found, list(map(str, mistakes))

    return read_text


def test_project() -> None:
    """The project's own file holds every price, as the code knows it, and no budget."""
    path = PROJECT / "dags" / "spending.yaml"
    assert read_settings(path) == (Settings(PRICES, {"twitter_default": Budgets()}), [])
    assert all(f"\n  {name}: " in path.read_text() for name in Prices.__slots__)


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "prices:\nbudgets: null\n", "budgets: {}\n"])
def test_nothing_is_said(tmp_path: Path, read: Read, text: str | None) -> None:
    """What is not said is X's price, and no budget."""
    found, mistakes = read(text) if text is not None else (read_settings(tmp_path / "spending.yaml")[0], [])
    assert (found, mistakes) == (Settings(), [])
    assert found.of("twitter_default") == Budgets()


def test_said(read: Read) -> None:
    """Prices and budgets are taken as they are written."""
    found, mistakes = read(
        "prices: {post_read: 0.01}\nbudgets:\n  mine: {run: 5, day: 20.5}\n  other:\n    month: 0\n"
    )
    assert mistakes == []
    assert found.prices == Prices(post_read=0.01)
    assert found.of("mine") == Budgets(run=5, day=20.5)
    assert found.of("other") == Budgets(month=0)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("prices:\n  post_raed: 1\n", "line 2, prices.post_raed: unknown key; known are post_read, "),
        ("prices:\n  post_read: cheap\n", "line 2, prices.post_read: 'cheap' is not of type 'number'"),
        ("prices:\n  post_read: -1\n", "line 2, prices.post_read: -1 is less than the minimum of 0"),
        ("prices:\n  post_read: .nan\n", "line 2, prices.post_read: nan is not a number"),
        ("prices:\n  post_read: null\n", "line 2, prices.post_read: None is not of type 'number'"),
        ("prices:\n  post_read: [1]\n", "line 2, prices.post_read: one plain value is wanted here"),
        ("prices: 3\n", "line 1, prices: an entry is made of names and values"),
        ("budgets:\n  a: 3\n", "line 2, budgets.a: an entry is made of names and values"),
        ("budgets:\n  a: {day: .inf}\n", "line 2, budgets.a.day: inf is not a number"),
        ("budgets:\n  a: {}\n  a: {}\n", "line 3, budgets.a: the key is given twice"),
        ("budgets:\n  a:\n    day: 1\n    day: 2\n", "line 4, budgets.a.day: the key is given twice"),
        ("budgets:\n  a/b: {}\n", "line 2, budgets.a/b: this is no connection's id"),
        ("budgets:\n  [a]: {}\n", "line 2, budgets.?: this is no connection's id"),
        ("budgets:\n  a: {year: 1}\n", "line 2, budgets.a.year: unknown key; known are run, day, month"),
        ("prices: {}\nprize: {}\n", "line 2, prize: unknown key; the file holds `prices:` and `budgets:`"),
        ("prices: {}\nprices: {}\n", "line 2, prices: the key is given twice"),
        ("- prices\n", "line 1, the file: names and values are wanted, such as `name: value`"),
        ("prices: [\n", "line 2, the file: not YAML"),
        (b"\xff\n", "line 1, the file: the file is not UTF-8"),
    ],
)
def test_mistakes(read: Read, text: Any, mistake: str) -> None:
    """Each mistake is told with file, line and key, and then nothing of the file holds."""
    found, mistakes = read(text)
    assert found == Settings()
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"spending.yaml, {mistake}")


def test_every_mistake(read: Read) -> None:
    """All mistakes are told at once."""
    _, mistakes = read("prices: {a: 1, post_read: x}\nbudgets:\n  a: {day: x}\n  b: {month: -1}\n")
    assert len(mistakes) == 4


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.binary(max_size=60), st.text("prices: budgets:\n-{}[]&*!,0.", max_size=60)))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: Any) -> None:
    """Whatever stands in the file, it is read or its mistakes are told."""
    path = tmp_path_factory.mktemp("settings") / "spending.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found, mistakes = read_settings(path)
    assert isinstance(found, Settings)
    assert not mistakes or found == Settings()
