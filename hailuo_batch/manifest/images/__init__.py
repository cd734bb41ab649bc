"""Image references: URLs, relative references, local copies."""
