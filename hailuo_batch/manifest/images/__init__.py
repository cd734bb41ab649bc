"""Image references: URLs, relative references, copies on the disk."""
