"""What becomes of fetched posts: staging, validation, dataset, export, coverage.

Knows no Airflow, no HTTP.
"""
