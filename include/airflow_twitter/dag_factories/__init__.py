"""From settings to DAGs: one factory for each kind of DAG; the files in ``dags/`` call them and do nothing else."""
