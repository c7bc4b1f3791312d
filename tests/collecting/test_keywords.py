"""keywords.yaml: right entries stay, every mistake is named with file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.airflow_in_memory import at

from airflow_twitter.api.errors import QueryError
from airflow_twitter.checked_yaml import Mistake, MistakesError
from airflow_twitter.collecting.form import FIELDS
from airflow_twitter.collecting.keywords import DEFAULTS, SCHEMA, Keyword, read_keywords
from airflow_twitter.collecting.request import search_request

Read = Callable[..., tuple[list[Keyword], list[Mistake]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write keywords.yaml and read it."""

    def read_text(text: str | bytes, only_slug: str | None = None) -> tuple[list[Keyword], list[Mistake]]:
        path = tmp_path / "keywords.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_keywords(path, only_slug)

    return read_text


def slugs(keywords: list[Keyword]) -> list[str]:
    """The slugs in order."""
    return [keyword.slug for keyword in keywords]


def test_keyword_alone(read: Read) -> None:
    """An entry needs a keyword only; the rest takes the defaults, which are the form's."""
    keywords, mistakes = read("keywords:\n  - keyword: sevdesk\n")

    assert not mistakes
    assert slugs(keywords) == ["sevdesk"]
    assert keywords[0].settings == {**DEFAULTS, "keyword": "sevdesk"}
    assert DEFAULTS["schedule"] == "@daily"
    assert DEFAULTS["page_max"] is None
    assert {name: DEFAULTS[name] for name in FIELDS if name in DEFAULTS} == {
        name: schema["default"] for name, schema in FIELDS.items() if name in DEFAULTS
    }


def test_everything_set(read: Read) -> None:
    """Every setting can be given, the start date as plain YAML, and becomes a request as it is."""
    keywords, mistakes = read(
        """
keywords:
  - keyword: Accounting Software
    query: '"accounting software" -is:reply'
    language: de
    endpoint: all
    schedule: "30 4 * * *"
    start_date: 2026-03-01
    catchup: true
    max_results: 500
    page_max: 20
    settle_s: 60
    overlap_s: 0.5
    deadline: PT6H
    connection: twitter_archive
    expand: yes
    vocabulary: post
    bad_share_max: 0
    export: false
"""
    )

    assert not mistakes
    settings = keywords[0].settings
    assert set(settings) == set(SCHEMA["properties"])
    assert (settings["start_date"], settings["catchup"], settings["expand"]) == ("2026-03-01", True, True)
    request = search_request({name: settings[name] for name in FIELDS if name in settings}, at("11-22 12:00"))
    assert (request.endpoint, request.max_results, request.vocabulary) == ("all", 500, "post")


@pytest.mark.parametrize("text", ["", "# nothing\n", "keywords: []\n"])
def test_no_keywords(read: Read, text: str) -> None:
    """An empty file or list is right: there is nothing to collect."""
    assert read(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("keywords:\n", 1, "one list under `keywords:`"),
        ("- keyword: a\n", 1, "one list under `keywords:`"),
        ("\n\nkeyword: a\n", 3, "one list under `keywords:`"),
        ("keywords: []\nkeywords: []\n", 1, "one list under `keywords:`"),
        ("keywords: []\nmore: 1\n", 1, "one list under `keywords:`"),
        ("keywords: a\n", 1, "one list under `keywords:`"),
        ("keywords: []\n---\nkeywords: []\n", 2, "another document"),
        ("keywords:\n  - keyword: 'a\n", 3, "not YAML"),
        ("keywords:\n\t- keyword: a\n", 2, "not YAML"),
        ("keywords:\n- keyword: a\n bad: b\n", 3, "not YAML"),
        ("keywords:\n- keyword: *nobody\n", 2, "undefined alias"),
        ("keywords:\n- keyword: a: b\n", 2, "not YAML"),
        ("keywords:\n- keyword: a\0b\n", 1, "#x0000"),
    ],
)
def test_no_list(read: Read, text: str, line: int, reason: str) -> None:
    """A file that is no list of keywords gives one mistake with its line, on one line."""
    keywords, mistakes = read(text)

    assert not keywords
    assert [(mistake.file, mistake.line, mistake.key) for mistake in mistakes] == [
        ("keywords.yaml", line, "keywords")
    ]
    assert reason in mistakes[0].reason
    assert len(str(mistakes[0]).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["keywords:\n- keyword: café\n".encode("latin-1"), "keywords: []".encode("utf-16")]
)
def test_not_utf8(read: Read, text: bytes) -> None:
    """A file in another encoding is one mistake, and not wrong letters in a query."""
    keywords, mistakes = read(text)
    assert not keywords
    assert "not UTF-8" in mistakes[0].reason


def test_utf8_with_a_mark(read: Read) -> None:
    """A byte order mark, as some editors write, does no harm; nor do other scripts."""
    keywords, mistakes = read(
        "\ufeffkeywords:\r\n- keyword: 会計ソフト\r\n- keyword: 🧾 facture\r\n".encode()
    )
    assert not mistakes
    assert [keyword.settings["keyword"] for keyword in keywords] == ["会計ソフト", "🧾 facture"]


def test_unreadable(tmp_path: Path) -> None:
    """A missing file, or a folder in its place, is one mistake."""
    (mistake,) = read_keywords(tmp_path / "keywords.yaml")[1]
    assert "missing" in mistake.reason

    (mistake,) = read_keywords(tmp_path)[1]
    assert "cannot be read" in mistake.reason


@pytest.mark.parametrize(
    ("entry", "line", "key", "reason"),
    [
        ("- {}", 3, "", "'keyword' is a required property"),
        ("- just text", 3, "", "an entry is made of names"),
        ("- [a, b]", 3, "", "an entry is made of names"),
        ("-", 3, "", "an entry is made of names"),
        ("- keyword: no", 3, ".keyword", "False is not of type 'string'"),
        ("- keyword: 12", 3, ".keyword", "12 is not of type 'string'"),
        ("- keyword:", 3, ".keyword", "None is not of type 'string'"),
        ("- keyword: ''", 3, ".keyword", "non-empty"),
        ("- keyword: '   '", 3, ".keyword", "should be non-empty"),
        ("- keyword: is:reply", 3, ".keyword", "need another one beside them"),
        ("- keyword: b\n  query: -c", 4, ".query", "only excludes posts"),
        ("- keyword: b\n  page_max: '3'", 4, ".page_max", "'3' is not of type"),
        ("- keyword: b\n  page_max: 0", 4, ".page_max", "less than the minimum"),
        ("- keyword: b\n  max_results: 101", 4, ".max_results", "more than the 100 posts"),
        ("- keyword: b\n  max_results: 501\n  endpoint: all", 4, ".max_results", "maximum of 500"),
        ("- keyword: b\n  endpoint: some", 4, ".endpoint", "is not one of ['recent', 'all']"),
        ("- keyword: b\n  catchup: 'yes'", 4, ".catchup", "is not of type 'boolean'"),
        ("- keyword: b\n  language: German", 4, ".language", "does not match"),
        ("- keyword: b\n  start_date: 2026-02-30", 4, ".start_date", "is not a 'date'"),
        ("- keyword: b\n  start_date: 2026-01-01T00:00:00Z", 4, ".start_date", "is not a 'date'"),
        ("- keyword: b\n  schedule: every day", 4, ".schedule", "no schedule like @daily"),
        ("- keyword: b\n  schedule: '61 * * * *'", 4, ".schedule", "out of range"),
        ("- keyword: b\n  schedule: 0 0 30 2 *", 4, ".schedule", "failed to find next date"),
        ("- keyword: b\n  schedule: ''", 4, ".schedule", "no schedule"),
        ("- keyword: b\n  schedule: '@once'", 4, ".schedule", "no schedule"),
        ("- keyword: b\n  deadline: soon", 4, ".deadline", "neither a duration"),
        ("- keyword: b\n  connection: two words", 4, ".connection", "does not match"),
        ("- keyword: b\n  settle_s: .nan", 4, ".settle_s", "nan is not a number"),
        ("- keyword: b\n  settle_s: .inf", 4, ".settle_s", "inf is not a number"),
        ("- keyword: b\n  keyword: c", 4, ".keyword", "given twice"),
        ("- keyword: b\n  keywrod: c", 4, ".keywrod", "unknown key; known are keyword, query"),
        ("- keyword: b\n  1: c", 4, ".1", "unknown key"),
        ("- keyword: b\n  start_time: 2026-01-01", 4, ".start_time", "unknown key"),
        ("- keyword: b\n  query: [from:x]", 4, ".query", "one plain value"),
        ("- keyword: {b: c}", 3, ".keyword", "one plain value"),
        ("- keyword: b\n  ? [c, d]\n  : e", 4, ".?", "one plain value"),
        ("- keyword: !!python/object/apply:os.getcwd []", 3, ".keyword", "one plain value"),
        ("- keyword: !!python/name:os.getcwd ''", 3, ".keyword", "it is marked as"),
        ("- keyword: !!binary aGFsbG8=", 3, ".keyword", "it is marked as binary"),
        ("- keyword: b\n  page_max: !!int abc", 4, ".page_max", "not a plain value"),
        ("- keyword: b\n  catchup: !!bool abc", 4, ".catchup", "not a plain value"),
        ("- keyword: b\n  page_max: " + "9" * 5000, 4, ".page_max", "not a plain value"),
        ("- keyword: " + "x" * 200_000, 3, ".keyword", "xxx"),
        ("- &loop\n  keyword: *loop", 4, ".keyword", "one plain value"),
        ("- <<: {page_max: 3}\n  keyword: b", 3, ".<<", "one plain value"),
    ],
)
def test_bad_entry(read: Read, entry: str, line: int, key: str, reason: str) -> None:
    """A bad entry keeps only itself out, and is named with file, line and key in one short line."""
    keywords, mistakes = read(f"keywords:\n- keyword: first\n{entry}\n- keyword: last\n")

    assert slugs(keywords) == ["first", "last"]
    assert [(mistake.file, mistake.line, mistake.key) for mistake in mistakes] == [
        ("keywords.yaml", line, f"keywords[1]{key}")
    ]
    assert reason in mistakes[0].reason
    shown = str(mistakes[0])
    assert shown.startswith(f"keywords.yaml, line {line}, keywords[1]{key}: ")
    assert len(shown.splitlines()) == 1
    assert len(shown) < 600


def test_every_mistake_is_named(read: Read) -> None:
    """All mistakes of all entries are named at once."""
    _, mistakes = read(
        "keywords:\n- keyword: 1\n  page_max: x\n  more: y\n  most: z\n- keyword: b\n- keyword: c\n  schedule: never\n"
        "  endpoint: recent\n"
    )
    assert sorted((mistake.line, mistake.key) for mistake in mistakes) == [
        (2, "keywords[0].keyword"),
        (3, "keywords[0].page_max"),
        (4, "keywords[0].more"),
        (5, "keywords[0].most"),
        (8, "keywords[2].schedule"),
    ]
    assert str(MistakesError(mistakes)).splitlines() == [str(mistake) for mistake in mistakes]


def test_listed_twice(read: Read) -> None:
    """The same keyword twice would be one DAG with two meanings: the first stays, the second is a mistake."""
    keywords, mistakes = read(
        "keywords:\n- keyword: b\n  page_max: 1\n- keyword: c\n- keyword: b\n  page_max: 2\n"
    )

    assert [(keyword.slug, keyword.settings["page_max"]) for keyword in keywords] == [("b", 1), ("c", None)]
    assert [str(mistake) for mistake in mistakes] == [
        "keywords.yaml, line 5, keywords[2].keyword: 'b' is listed twice"
    ]


def test_keywords_that_look_alike(read: Read) -> None:
    """Keywords that differ in case, accents or signs alone have DAGs of their own, with safe names."""
    texts = [
        "invoice",
        "Invoice",
        "invoicé",
        "invoice!",
        "in/voice",
        "../invoice",
        "in voice",
        "in-voice",
        "🧾",
    ]
    keywords, mistakes = read("keywords:\n" + "".join(f"- keyword: '{text}'\n" for text in texts))

    assert not mistakes
    assert [keyword.settings["keyword"] for keyword in keywords] == texts
    assert len(set(slugs(keywords))) == len(texts)
    assert all(
        slug.replace("-", "").replace("_", "").isalnum() and slug.isascii() for slug in slugs(keywords)
    )


def test_text_stays_as_it_is_written(read: Read) -> None:
    """A date, a plain word, or text with braces is the keyword that stands there."""
    keywords, mistakes = read(
        "keywords:\n- keyword: 2026-11-22\n- keyword: '{{ 1 + 1 }}'\n- keyword: 'yes'\n"
    )
    assert not mistakes
    assert [keyword.settings["keyword"] for keyword in keywords] == ["2026-11-22", "{{ 1 + 1 }}", "yes"]


def test_anchor_of_a_value(read: Read) -> None:
    """One value can be written once and used again."""
    keywords, mistakes = read(
        "keywords:\n- keyword: b\n  schedule: &nightly 30 4 * * *\n- keyword: c\n  schedule: *nightly\n"
    )
    assert not mistakes
    assert {keyword.settings["schedule"] for keyword in keywords} == {"30 4 * * *"}


def test_anchors_that_multiply(read: Read) -> None:
    """Anchors that stand for billions of values cost nothing, whether in values, in keys or as merges."""
    lists = "".join(f"  k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    maps = "".join(f"  m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 12))
    keywords, mistakes = read(
        f"keywords:\n- keyword: &a0 [x]\n{lists}- keyword: &m0 {{a: b}}\n{maps}- keyword: *a11\n- ? *a11\n  : b\n"
        "- <<: *m11\n  keyword: c\n- keyword: ok\n"
    )
    assert slugs(keywords) == ["ok"]
    assert {mistake.key.split(".")[0] for mistake in mistakes} == {f"keywords[{n}]" for n in range(5)}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{b: "])
def test_deep_nesting(read: Read, opening: str) -> None:
    """Nesting without end is a mistake, and does not end the process: the parser is C, with a stack of its own."""
    keywords, mistakes = read(f"keywords:\n{opening * 50_000}\n")
    assert not keywords
    assert [(mistake.line, mistake.key) for mistake in mistakes] == [(2, "keywords")]


def test_one_slug(read: Read) -> None:
    """For one slug only that entry is read: mistakes of others are not looked for, and a broken one is none."""
    text = "keywords:\n- keyword: b\n- keyword: c\n  page_max: x\n- keyword: d\n- keyword: 1\n"

    assert slugs(read(text, "b")[0]) == ["b"]
    assert read(text, "b")[1] == []
    assert read(text, "c")[0] == []
    assert [mistake.key for mistake in read(text, "c")[1]] == ["keywords[1].page_max"]
    assert read(text, "e") == ([], [])


def test_project_file() -> None:
    """The project's own keywords.yaml holds no mistake, and each of its keywords makes a query."""
    keywords, mistakes = read_keywords(Path(__file__).parents[2] / "dags" / "keywords.yaml")

    assert not mistakes
    assert "sevdesk" in slugs(keywords)
    for keyword in keywords:
        try:
            search_request(
                {name: keyword.settings[name] for name in FIELDS if name in keyword.settings}, at("11-22")
            )
        except QueryError as error:
            pytest.fail(f"{keyword.slug}: {error}")


@pytest.mark.parametrize("word", ["off", '"off"', "warn"])
def test_off_is_a_word(read: Read, word: str) -> None:
    """A setting that can be off may be written so, though YAML's older readers take that for false."""
    keywords, mistakes = read(f"keywords:\n- keyword: a\n  estimate: {word}\n  catchup: true\n")
    assert not mistakes
    assert keywords[0].settings["estimate"] == word.strip('"')
    assert keywords[0].settings["catchup"] is True
