"""An Airflow in memory, a simulator to point it at, and budgets."""

from __future__ import annotations

from tests.airflow_in_memory import airflow, clock, start_simulator
from tests.operators.spent import budgets

__all__ = ["airflow", "budgets", "clock", "start_simulator"]
