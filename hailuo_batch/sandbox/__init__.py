"""A Runbase look-alike to rehearse with: no key, no payment."""
