"""DAGs that look after what was collected: throw away, fill gaps, check again what X still shows."""
