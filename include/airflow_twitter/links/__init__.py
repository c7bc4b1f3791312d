"""Links from a task in the UI to where its result can be seen."""
