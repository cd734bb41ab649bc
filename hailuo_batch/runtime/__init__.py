"""The loop that runs a campaign: the driver, the threads that act for it, and the only reader of time."""
