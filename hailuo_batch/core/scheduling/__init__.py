"""When the next request may go out, and which: the window, backing off, polling, the hazard, the time left."""
