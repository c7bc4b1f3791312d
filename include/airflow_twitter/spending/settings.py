"""Read ``dags/spending.yaml``: prices, and budgets by connection; every mistake with its file, line and key."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.checked_yaml import (
    Entry,
    FileMistake,
    Mistake,
    pairs,
    read_entry,
    read_root,
    schema_mistakes,
)
from airflow_twitter.spending.budgets import Budgets

FILE = "spending.yaml"
_SECTIONS = ("prices", "budgets")
_CONN_ID = re.compile(r"[\w.-]{1,200}")


@dataclass(frozen=True)
class Settings:
    """What X charges, and what each connection may spend."""

    prices: Prices = PRICES
    budgets: Mapping[str, Budgets] = field(default_factory=dict)

    def of(self, conn_id: str) -> Budgets:
        """Return the budgets of a connection; one that is not listed has none."""
        return self.budgets.get(conn_id, Budgets())


def read_settings(path: Path) -> tuple[Settings, list[Mistake]]:
    """Return the settings and everything that is wrong with them; without a file X's prices and no budgets."""
    if not path.exists():
        return Settings(), []
    try:
        sections = _sections(path)
    except FileMistake as error:
        return Settings(), [error.mistake]
    mistakes: list[Mistake] = []
    prices: dict[str, Any] = {}
    budgets: dict[str, Budgets] = {}
    if (node := sections.get("prices")) is not None:
        entry, mistakes = _checked(path.name, "prices", node, _price_schema(), "post_read: 0.005")
        prices = entry.values
    for conn_id, line, node in pairs(sections.get("budgets", _NOTHING)):
        key = f"budgets.{conn_id}"
        if not _CONN_ID.fullmatch(conn_id) or conn_id in budgets:
            reason = "listed twice" if conn_id in budgets else "this is no connection's id"
            mistakes.append(Mistake(path.name, line, key, reason))
            continue
        entry, wrong = _checked(path.name, key, node, _budget_schema(), "{run: 5, day: 20, month: 200}")
        mistakes += wrong
        budgets[conn_id] = Budgets() if wrong else Budgets(**entry.values)
    return Settings() if mistakes else Settings(Prices(**prices), budgets), mistakes


_NOTHING = yaml.MappingNode("tag:yaml.org,2002:map", [])


def _sections(path: Path) -> dict[str, yaml.Node]:
    """Return the sections that hold something; raises FileMistake for others."""
    root = read_root(path, key="spending", if_missing="an empty one will do")
    if root is None:
        return {}
    found = pairs(root)
    names = [name for name, _, _ in found]
    if not isinstance(root, yaml.MappingNode) or set(names) - set(_SECTIONS) or len(set(names)) < len(names):
        line = next((line for name, line, _ in found if name not in _SECTIONS), root.start_mark.line + 1)
        raise FileMistake(
            path.name, line, "spending", "the file holds `prices:` and `budgets:`, each once at most"
        )
    sections = {name: node for name, _, node in found if getattr(node, "value", "") not in ("", "null", "~")}
    for name, node in sections.items():
        if not isinstance(node, yaml.MappingNode):
            raise FileMistake(path.name, node.start_mark.line + 1, name, "`name: value` is wanted below it")
    return sections


def _checked(
    file: str, key: str, node: yaml.Node, validator: Draft202012Validator, looks_like: str
) -> tuple[Entry, list[Mistake]]:
    entry, mistakes = read_entry(file, key, node, looks_like=looks_like)
    if not mistakes:
        mistakes = schema_mistakes(entry, validator)
    if not mistakes:
        mistakes = [
            entry.mistake((name,), f"{value} is not a number of dollars")
            for name, value in entry.values.items()
            # A NaN is neither below a minimum nor above it.
            if value is not None and not math.isfinite(value)
        ]
    return entry, mistakes


@cache
def _price_schema() -> Draft202012Validator:
    return _schema({name: {"type": "number", "minimum": 0} for name in asdict(PRICES)})


@cache
def _budget_schema() -> Draft202012Validator:
    return _schema({name: {"type": ["null", "number"], "minimum": 0} for name in asdict(Budgets())})


def _schema(properties: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"type": "object", "additionalProperties": False, "properties": properties})
