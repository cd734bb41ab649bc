"""Every sentence that a user is promised, and what breaks it: each breakage must be seen by the test it names."""
