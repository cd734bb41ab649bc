"""What the core reasons about: states and the one table of their transitions, events, actions, runs, changes."""
