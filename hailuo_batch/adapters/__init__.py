"""Everything that touches the outside, each part knowing one thing of it."""
