"""The HTTP API for other programs, in Airflow's own server: queue posts, follow them, decide about them."""
