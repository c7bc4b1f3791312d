"""Whatever stands in the files that people write: each value is taken, or its mistake told with file, line and key."""

from __future__ import annotations

import json
import math
import os
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile.cases import ending
from tests.hostile.test_fields import ANYTHING, BOUNDED

from airflow_twitter.accounts.settings import SCHEMA as ACCOUNT
from airflow_twitter.accounts.settings import read_accounts
from airflow_twitter.checked_yaml import Mistake, MistakesError
from airflow_twitter.collecting.keywords import SCHEMA as KEYWORD
from airflow_twitter.collecting.keywords import read_keywords
from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.settings import Settings, read_settings

DAGS = Path(__file__).parents[2] / "dags"
Read = Callable[[Path], tuple[Any, list[Mistake]]]
READERS: dict[str, Read] = {"keywords": read_keywords, "accounts": read_accounts, "spending": read_settings}
GOOD: dict[str, dict[str, Any]] = {
    "keywords": {"keyword": "sevdesk", "schedule": "@daily", "max_results": 10},
    "accounts": {"account": "main", "approvers": ["ann"], "distance_s": 60},
    "spending": {"day": 1.5, "month": 20},
}
FIELDS = {
    "keywords": [*KEYWORD["properties"]],
    "accounts": [*ACCOUNT["properties"]],
    "spending": ["run", "day", "month", "years"],
}
HOSTILE = [
    "2026-11-31", "2026-01-01", "1e999", ".inf", "-.inf", ".nan", "9" * 5000, "0x" + "f" * 4999, "0b1", "1:2:3.5",
    "1" + ":59" * 300_000, "!!binary abc", "!!python/object/apply:os.system [ls]", "!!set {a}", "!!int x", "!!float x",
    "!!timestamp x", "!!bool x", "!!null x", "!x y", "&a [*a]", "*nothing", "<<", "~", "''", "off", '"\\ud800"',
    '"\\x00\\e[31m\\u2028"', "'{{ var.value.x }}'", "'../../x'", "!!str 2026-01-01", "? [a]", "|\n\n\n  x", "=",
]  # fmt: skip
"""What YAML makes something surprising of."""


def check(name: str, content: bytes, folder: Path) -> tuple[Any, list[Mistake]]:
    """Read a file; every mistake names it, and a line of it, and is a line itself. Nothing taken is no number."""
    path = folder / f"{name}.yaml"
    path.write_bytes(content)
    with ending():
        found, mistakes = READERS[name](path)
    for mistake in map(str, mistakes):
        assert re.match(rf"{name}\.yaml, line \d+, .+: .+", mistake), mistake
        assert len(mistake) <= 501
        assert "\n" not in mistake
    for number in numbers(found):
        assert math.isfinite(number)
    return found, mistakes


def numbers(found: Any) -> Iterator[float]:
    """Return all numbers of what was read."""
    if isinstance(found, Settings):
        yield from vars(found.prices).values() if hasattr(found.prices, "__dict__") else ()
        for budgets in found.budgets.values():
            yield from (value for _, value in budgets.given())
        return
    for each in found:
        values = each.settings if hasattr(each, "settings") else vars(each)
        yield from (value for value in values.values() if isinstance(value, int | float))


def with_value(name: str, field: str, value: str) -> str:
    """Return a file whose one entry has a value, as YAML, in place of what is good."""
    entry = {key: json.dumps(good) for key, good in GOOD[name].items()} | {field: value}
    if name == "spending":
        return "budgets:\n  twitter_default:\n" + "".join(
            f"    {key}: {text}\n" for key, text in entry.items()
        )
    return f"{name}:\n-\n" + "".join(f"  {key}: {text}\n" for key, text in entry.items())


@pytest.mark.parametrize("name", READERS)
@BOUNDED
@given(
    text=st.one_of(
        st.binary(max_size=80),
        st.text("keywords: accounts:\n-{}[]&*!,0.?|>'\"#%@`~<", max_size=80),
        st.text(max_size=80),
        st.recursive(ANYTHING, lambda inner: st.lists(inner, max_size=3)).map(lambda value: yaml.dump(value)),
    )
)
@example(text=b"\xff\xfe\x00")
@example(text="[" * 1_000_000)
@example(text="- " * 100_000)
@example(text="{a: " * 100_000)
@example(text="x" * 2_000_000)
@example(text="keywords:\n" + "- a\n" * 20_000)
@example(
    text="a: &a [x,x,x]\n"
    + "".join(f"{n}: &{n} [{f'*{p},' * 9}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True))
)
@example(text="---\na: 1\n---\nb: 2\n")
@example(text="%YAML 9.9\n---\nkeywords: []\n")
def test_any_text(tmp_path_factory: pytest.TempPathFactory, name: str, text: bytes | str) -> None:
    """Any text is read, or refused with its mistakes, and in bounded time."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    check(name, content, tmp_path_factory.mktemp("yaml"))


@pytest.mark.parametrize("name", READERS)
@BOUNDED
@given(data=st.data())
def test_any_value(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Any value in any field of a good entry is taken, or its mistake names the field; other entries stay."""
    field = data.draw(st.sampled_from(FIELDS[name]))
    value = data.draw(st.one_of(st.sampled_from(HOSTILE), ANYTHING.map(lambda each: json.dumps(each))))
    content = with_value(name, field, value).encode("utf-8", "surrogatepass")
    found, mistakes = check(name, content, tmp_path_factory.mktemp("yaml"))
    if name == "spending":
        assert mistakes or found.of("twitter_default") != Budgets()
    else:
        assert len(found) == (not mistakes)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value(tmp_path: Path, name: str, value: str) -> None:
    """What YAML makes something surprising of is told or harmless in every field."""
    for field in FIELDS[name]:
        check(name, with_value(name, field, value).encode(), tmp_path)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _gone(path: Path) -> None:
    path.symlink_to("nothing")


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**31)


@pytest.mark.parametrize("make", [_fifo, _loop, _gone, _sparse, Path.mkdir])
@pytest.mark.parametrize("name", READERS)
def test_no_file(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """Something else in the file's place, or gigabytes, is told at once."""
    make(tmp_path / f"{name}.yaml")
    with ending():
        found, mistakes = READERS[name](tmp_path / f"{name}.yaml")
    assert len(mistakes) == 1
    assert str(mistakes[0]).startswith(f"{name}.yaml, line 1")
    assert not found or found == Settings()


@pytest.mark.parametrize(
    "content", ["\0", "[" * 5000, "keywords: {", "accounts: [{account: &a [*a]}]", "prices: [1]", "\ud800"]
)
def test_dag_files(tmp_path: Path, content: str) -> None:
    """With hostile files beside them, DAG files still declare what they can; the checks raise mistakes alone."""
    for source in DAGS.glob("*.py"):
        (tmp_path / source.name).write_text(source.read_text())
    for name in READERS:
        (tmp_path / f"{name}.yaml").write_bytes(content.encode("utf-8", "surrogatepass"))
    raised = {source.stem for source in sorted(tmp_path.glob("*.py")) if not _declares(source)}
    assert raised
    assert raised <= {"keywords_check", "accounts_check", "spending_check"}


def _declares(source: Path) -> bool:
    try:
        runpy.run_path(str(source))
    except MistakesError:
        return False
    return True
