"""The Airflow side of collecting: from the form and ``keywords.yaml`` to the DAGs, and what a run's tasks share."""
