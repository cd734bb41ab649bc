"""What a user does about what went wrong: takes in doubt or failed, a lost ledger, damaged files."""
