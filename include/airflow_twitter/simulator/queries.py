"""Parse a search query, refuse what X refuses, and tell which posts match.

Written from https://docs.x.com/x-api/posts/search/integrate/build-a-query and
https://docs.x.com/x-api/posts/search/integrate/operators. Shares no code with the client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_twitter.simulator.matching import FLAGS, OPERATORS, matches_operator
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.wording import words

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<minus>-(?=[^\s)])) |
      (?P<op>[a-z_]+):(?:"(?P<quoted_value>[^"]*)"|(?P<value>[^\s()"]+)) |
      "(?P<phrase>[^"]*)" | (?P<word>[^\s()"]+)
    )""",
    re.VERBOSE,
)


class QueryError(ValueError):
    """A query that X answers with 400; the text is X's message."""


@dataclass(frozen=True)
class Node:
    """A part of a query: `and`, `or`, `not` with parts, or `words`, `tag`, `op` with a value."""

    kind: str
    value: str = ""
    parts: tuple[Node, ...] = ()
    name: str = ""

    def matches(self, post: Post) -> bool:
        """Say whether a post satisfies this part."""
        match self.kind:
            case "and":
                return all(part.matches(post) for part in self.parts)
            case "or":
                return any(part.matches(post) for part in self.parts)
            case "not":
                return not self.parts[0].matches(post)
            case "words":
                return self.value in post.words
            case "tag":
                return self.value in post.tags
        return matches_operator(self.name, self.value, post)

    def could_match(self, vocabulary: frozenset[str]) -> bool:
        """Say whether any post made of these words could satisfy this part."""
        match self.kind:
            case "and":
                return all(part.could_match(vocabulary) for part in self.parts)
            case "or":
                return any(part.could_match(vocabulary) for part in self.parts)
            case "words":
                return vocabulary.issuperset(self.value.split())
        return True

    def standalone(self) -> bool:
        """Say whether this part may stand alone: every alternative has something positive to look for."""
        match self.kind:
            case "and":
                return any(part.standalone() for part in self.parts)
            case "or":
                return all(part.standalone() for part in self.parts)
            case "not":
                return False
            case "op":
                return OPERATORS[self.name]
        return True


def parse_query(query: str, max_length: int) -> Node:
    """Return the query's tree.

    Raises QueryError when X would refuse it: too long, empty, bad syntax, unknown operators, `AND`
    as a word, negated groups, or nothing but negations and operators that need a companion.
    """
    if not query.strip():
        raise QueryError("The `query` query parameter can not be empty")
    if len(query) > max_length:
        raise QueryError(
            f"The `query` query parameter value is too long: {len(query)} characters, at most {max_length}"
        )
    tree = _Parser(query).parse()
    if not tree.standalone():
        raise _refusal(
            "Rules must contain at least one positive, non-stopword clause that can stand alone", 0
        )
    return tree


def _refusal(message: str, position: int) -> QueryError:
    return QueryError(f"There were errors processing your request: {message} (at position {position + 1})")


@dataclass(frozen=True)
class _Token:
    kind: str
    at: int
    value: str = ""
    name: str = ""


class _Parser:
    """Recursive descent over `or := and (OR and)*`, `and := unary+`, `unary := -? atom`."""

    def __init__(self, query: str) -> None:
        self.tokens = _tokens(query)
        self.at = 0

    def parse(self) -> Node:
        tree = self.alternatives()
        if self.token.kind != "end":
            raise _refusal(f"missing EOF at '{self.token.value}'", self.token.at)
        return tree

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def alternatives(self) -> Node:
        parts = [self.sequence()]
        while self.token.kind == "or":
            self.at += 1
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Node("or", parts=tuple(parts))

    def sequence(self) -> Node:
        parts = [self.unary()]
        while self.token.kind not in ("or", "close", "end"):
            parts.append(self.unary())
        return parts[0] if len(parts) == 1 else Node("and", parts=tuple(parts))

    def unary(self) -> Node:
        if self.token.kind != "minus":
            return self.atom()
        position = self.token.at
        self.at += 1
        if self.token.kind == "open":
            raise _refusal("Negated groups are not supported: negate each part", position)
        return Node("not", parts=(self.atom(negated=True),))

    def atom(self, *, negated: bool = False) -> Node:
        token = self.token
        if token.kind == "open":
            self.at += 1
            tree = self.alternatives()
            if self.token.kind != "close":
                raise _refusal("missing ')' at '<EOF>'", self.token.at)
            self.at += 1
            return tree
        if token.kind in ("close", "or", "minus", "end"):
            raise _refusal(f"no viable alternative at input '{token.value or '<EOF>'}'", token.at)
        self.at += 1
        return _leaf(token, negated)


def _tokens(query: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(query.rstrip())
    while at < end:
        match = _TOKEN.match(query, at)
        if match is None:
            raise _refusal("no viable alternative at character '\"'", at)
        tokens.append(_token(match.groupdict(), match.end() - len(match[0].lstrip())))
        at = match.end()
    return [*tokens, _Token("end", end)]


def _token(groups: Mapping[str, str | None], at: int) -> _Token:
    if groups["op"] is not None:
        return _Token("op", at, groups["quoted_value"] or groups["value"] or "", groups["op"])
    if groups["word"] == "OR":
        return _Token("or", at, "OR")
    kind, value = next((kind, value) for kind, value in groups.items() if value is not None)
    return _Token(kind, at, value)


def _leaf(token: _Token, negated: bool) -> Node:
    if token.kind == "op":
        return _operator(token, negated)
    if token.kind == "word" and token.value in ("AND", "and", "or"):
        raise _refusal(
            f"Ambiguous use of {token.value.lower()} as a keyword. Use a space to logically join two clauses, "
            f'or "{token.value.lower()}" to find occurrences of {token.value.lower()} in text',
            token.at,
        )
    if token.kind == "word" and re.fullmatch(r"[#$@]\w+", token.value):
        return Node("tag", token.value.casefold())
    found = words(token.value)
    if not found:
        raise _refusal(f"no viable alternative at input '{token.value}'", token.at)
    return Node("words", f" {' '.join(found)} ")


def _operator(token: _Token, negated: bool) -> Node:
    if token.name not in OPERATORS or token.value.casefold() not in FLAGS.get(
        token.name, (token.value.casefold(),)
    ):
        what = f"{token.name}:{token.value}" if token.name in FLAGS else token.name
        raise _refusal(
            f"Reference to invalid operator '{what}'. Operator is not available in current product or "
            "product packaging. Please refer to complete available operator list at http://t.co/operators.",
            token.at,
        )
    node = Node("op", token.value.casefold(), name=token.name)
    if node == Node("op", "nullcast", name="is") and not negated:
        raise _refusal("The operator is:nullcast must be negated", token.at)
    return replace(node, value=token.value) if token.name == "url" else node
