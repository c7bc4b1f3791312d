"""Which windows are missing or partial, and how to fill them: for `make gaps` and the DAG that fills gaps by itself."""
