"""The stills of a campaign: which are missing, who makes them and when, and what the report shows of them."""
