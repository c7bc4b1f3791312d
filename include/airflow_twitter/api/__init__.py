"""The X API over HTTP: client, authentication, errors, limits, queries, fields and prices.

Knows neither Airflow nor files.
"""
