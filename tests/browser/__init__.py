"""What the project shows in Airflow's UI, in a real browser before a real Airflow, which all tests share."""
