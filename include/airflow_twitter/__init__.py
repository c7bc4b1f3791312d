"""Collect X (Twitter) posts by keyword with Apache Airflow."""

from __future__ import annotations

__version__ = "0.1.0"
