"""Build the query that X searches for, and refuse what X would refuse before anything is sent.

Sources: docs.x.com/x-api/posts/search/integrate/build-a-query (rules, lengths),
docs.x.com/x-api/posts/search/integrate/operators (operators).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from airflow_twitter.api.endpoints import RECENT, Endpoint
from airflow_twitter.api.errors import QueryError

STANDALONE = frozenset(
    {
        "bounding_box",
        "context",
        "conversation_id",
        "entity",
        "from",
        "geo_bounding_box",
        "in_reply_to_status_id",
        "in_reply_to_tweet_id",
        "list",
        "place",
        "place_country",
        "point_radius",
        "quotes_of_status_id",
        "quotes_of_tweet_id",
        "retweets_of",
        "retweets_of_status_id",
        "retweets_of_tweet_id",
        "to",
        "url",
    }
)
CONJUNCTION_REQUIRED = frozenset({"has", "is", "lang", "min_likes", "min_replies", "min_reposts"})
OPERATORS = STANDALONE | CONJUNCTION_REQUIRED

_TOKEN = re.compile(
    r"""
      -?\(
    | \)
    | -?(?:\w+:)?(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s()"]+)   # word, "phrase", word:value
    | "                                                          # one that is never closed
    """,
    re.VERBOSE,
)
# What may not follow what; a query is read as if it stood in parentheses.
_REFUSED_PAIRS = {
    ("(", ")"): "The query is empty, or has an empty group in parentheses",
    ("(", "OR"): "The query has an OR with nothing before it",
    ("OR", "OR"): "The query has an OR with nothing after it",
    ("OR", ")"): "The query has an OR with nothing after it",
}
_KNOWN_OPERATOR = re.compile(rf"(?:^|[\s(-])(?:{'|'.join(sorted(OPERATORS))}):\S", re.IGNORECASE)
_OTHER_OPERATOR = re.compile(
    r"""(?:^|\s)-?(?:
      \#\w*[^\W\d]            # a hashtag, which needs a letter
    | @\w                     # a name
    | \$[A-Za-z]              # a cashtag: "$5" is an amount
    | \(                      # a group; "f(x)" and ":(" are words
    | -\S                     # "--x"
    )
    | (?:^|\s)-[^\s-]         # an exclusion
    | \S\s+OR\s+\S""",
    re.VERBOSE,
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?\Z")


@dataclass(frozen=True, slots=True)
class Term:
    """Hold one term of a query; `operator` is None for a word, phrase, hashtag or name."""

    operator: str | None
    value: str
    negated: bool

    @property
    def standalone(self) -> bool:
        """Tell whether the term can carry a query alone."""
        return not self.negated and self.operator not in CONJUNCTION_REQUIRED and self.value not in ("", '""')


def build_query(
    keyword: str | None = None,
    query: str | None = None,
    language: str | None = None,
    endpoint: Endpoint = RECENT,
) -> str:
    """Return the query to send for a keyword, or for a raw query, which wins when both are given.

    A keyword is one word or phrase and is quoted as X needs it: several words are searched as a phrase. A
    keyword that already holds operators (`from:x`, `#tag`, `@name`, `$cashtag`, `a OR b`, a group in
    parentheses, a quoted phrase, `-excluded`) is taken as a raw query. A raw query is sent as it is.
    `language` (BCP 47) adds `lang:`. Raises QueryError, naming the rule or the limit, when X would refuse.
    """
    text = (query or "").strip() or _keyword_query((keyword or "").strip())
    _refuse_unsendable(text)
    if language:
        text = _with_language(text, language.strip())
    check_query(text, endpoint)
    return text


def check_query(query: str, endpoint: Endpoint = RECENT) -> None:
    """Raise QueryError, saying why, when X would refuse `query` at `endpoint`."""
    _refuse_unsendable(query)
    if len(query) > endpoint.query_max_length:
        raise QueryError(
            f"The query has {len(query)} characters; {endpoint.name} search takes {endpoint.query_max_length}"
        )
    terms = parse(query)
    if any(term.standalone for term in terms):
        return
    if all(term.negated for term in terms):
        raise QueryError("The query only excludes posts; X wants at least one term that finds some")
    raise QueryError(
        "The query has only operators that need another one beside them (has:, is:, lang:, min_...:) or"
        " exclusions; X wants at least one word, phrase, hashtag, name or operator such as from:"
    )


def has_operators(keyword: str) -> bool:
    """Tell whether a keyword is written in X's query language and must not be quoted."""
    if _KNOWN_OPERATOR.search(keyword) or _OTHER_OPERATOR.search(keyword):
        return True
    # An odd quote is an inch mark or a typing error, no phrase.
    return keyword.count('"') >= 2 and keyword.count('"') % 2 == 0


def quote(keyword: str) -> str:
    """Return a plain keyword as X needs it: bare when it is one word, else in double quotes.

    X splits posts at punctuation and symbols before comparing, so quotes and backslashes inside, which
    would end the phrase early, become spaces and still match.
    """
    words = unicodedata.normalize("NFC", keyword.replace('"', " ").replace("\\", " ")).split(" ")
    text = " ".join(word for word in words if word)
    return text if re.fullmatch(r"\w+", text) and text != "OR" else f'"{text}"'


def parse(query: str) -> list[Term]:
    """Split a query into its terms, without OR; raise QueryError for syntax that X refuses."""
    terms: list[Term] = []
    depth = 1
    previous = "("
    for token in [*_TOKEN.findall(query), ")"]:
        if (previous, token) in _REFUSED_PAIRS:
            raise QueryError(_REFUSED_PAIRS[previous, token])
        if token == '"':
            raise QueryError("The query has a double quote that is never closed")
        if token == "-(":
            raise QueryError("X takes no negated groups: instead of -(a OR b) write -a -b")
        if not depth:
            break
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token not in ("(", ")", "OR"):
            terms.append(_read_term(token))
        previous = token
    else:
        if not depth:
            return terms
    raise QueryError("The query's parentheses do not match")


def _keyword_query(keyword: str) -> str:
    if not keyword.replace('"', "").strip():
        raise QueryError("The keyword is empty")
    return keyword if has_operators(keyword) else quote(keyword)


def _with_language(query: str, language: str) -> str:
    if not _LANGUAGE.match(language):
        raise QueryError(f"{language!r} is no language code such as de, en or zh-TW")
    if any(term.operator == "lang" for term in parse(query)):
        raise QueryError("The query has a lang: of its own; a post has one language, two would find nothing")
    # "a OR b lang:de" would mean a OR (b lang:de).
    grouped = f"({query})" if re.search(r"\sOR\s", query) else query
    return f"{grouped} lang:{language}"


def _read_term(token: str) -> Term:
    negated = token.startswith("-") and len(token) > 1
    body = token[1:] if negated else token
    name, colon, value = body.partition(":")
    if colon and value and name.lower() in OPERATORS:
        return Term(name.lower(), value, negated)
    return Term(None, body, negated)


def _refuse_unsendable(text: str) -> None:
    for index, char in enumerate(text):
        if unicodedata.category(char) in ("Cc", "Cs"):
            raise QueryError(f"The query has a control character (U+{ord(char):04X}) at position {index + 1}")
