"""What was bought from X, what it cost, and what may still be spent.

Knows no Airflow, no HTTP.
"""
