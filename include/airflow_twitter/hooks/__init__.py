"""Reach X with the credentials of an Airflow Connection."""
