"""What a campaign asks for against what the ledger holds: plan, matching, spend, estimates, recovery."""
