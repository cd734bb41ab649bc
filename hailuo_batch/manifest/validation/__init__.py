"""Whether a manifest is what its schema says, in words that its author understands."""
