"""The API keys of a campaign: which of them are missing."""
