"""Whether the images that a campaign refers to can be used: fetched as far as needed, their headers read, judged."""
