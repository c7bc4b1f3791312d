"""An Airflow in memory, and a simulator to point it at."""

from __future__ import annotations

from tests.airflow_in_memory import airflow, clock, start_simulator

__all__ = ["airflow", "clock", "start_simulator"]
