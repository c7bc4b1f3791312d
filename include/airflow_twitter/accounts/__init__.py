"""Publishing posts: accounts, their queues, and the DAGs that serve them."""
