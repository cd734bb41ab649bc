"""What a person decided about the videos of a campaign, and what follows from it."""
