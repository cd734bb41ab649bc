"""The files that a manifest consists of: text and tables."""
