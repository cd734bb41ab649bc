"""Where a campaign stands: read once, or again and again."""
