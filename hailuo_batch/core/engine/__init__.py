"""What to do next: the engine, its queues, and how each answer is read."""
