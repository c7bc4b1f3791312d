"""What publishes, under one real scheduler that these tests share."""
