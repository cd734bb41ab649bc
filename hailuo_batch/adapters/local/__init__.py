"""The file system, the standard streams, the window that processes share, and the wish to stop early."""
