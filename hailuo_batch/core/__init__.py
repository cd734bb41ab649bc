"""The decisions: pure code without clock, threads, files or sockets."""
