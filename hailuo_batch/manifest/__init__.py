"""From a manifest's text to a Campaign, or to every diagnostic at once."""
