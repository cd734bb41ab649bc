"""Where a campaign stands, in words for a terminal: its totals, its takes, and what to do about them."""
