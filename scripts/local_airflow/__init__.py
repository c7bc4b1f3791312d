"""Airflow on this machine, with everything it keeps inside the project folder."""
