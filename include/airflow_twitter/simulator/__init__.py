"""A local X API to develop, demo and test against, that can be told to misbehave."""

from __future__ import annotations

from airflow_twitter.simulator.accounts import Account, Client
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.simulator import Simulator
from airflow_twitter.simulator.world import Topic, World

__all__ = ["Account", "Client", "Rule", "Simulator", "Topic", "World"]
