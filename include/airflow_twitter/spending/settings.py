"""Read ``dags/spending.yaml``: prices, and budgets by connection; every mistake with its file, line and key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.checked_yaml import Entry, FileMistake, Mistake, read_sections
from airflow_twitter.spending.budgets import Budgets

FILE = "spending.yaml"
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
    if not os.path.lexists(path):  # a link that leads nowhere would take the budgets away without a word
        return Settings(), []
    try:
        sections = read_sections(path, {"prices": False, "budgets": True})
    except FileMistake as error:
        return Settings(), [error.mistake]
    prices = Prices()
    budgets = {}
    mistakes: list[Mistake] = []
    for entry in sections.get("prices", []):
        mistakes += _mistakes(entry, _price_schema())
        if not mistakes:
            prices = Prices(**entry.values)
    for entry in sections.get("budgets", []):
        conn_id = entry.path.removeprefix("budgets.")
        wrong = _mistakes(entry, _budget_schema())
        if not _CONN_ID.fullmatch(conn_id):
            wrong = [entry.at((), "this is no connection's id")]
        if not wrong:
            budgets[conn_id] = Budgets(**entry.values)
        mistakes += wrong
    return Settings() if mistakes else Settings(prices, budgets), mistakes


def _mistakes(entry: Entry, validator: Draft202012Validator) -> list[Mistake]:
    return entry.mistakes or list(entry.check(validator))


@cache
def _price_schema() -> Draft202012Validator:
    return _schema({name: {"type": "number", "minimum": 0} for name in asdict(PRICES)})


@cache
def _budget_schema() -> Draft202012Validator:
    return _schema({name: {"type": ["null", "number"], "minimum": 0} for name in asdict(Budgets())})


def _schema(properties: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"type": "object", "additionalProperties": False, "properties": properties})
