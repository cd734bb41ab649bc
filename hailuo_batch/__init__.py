"""Video campaigns from a manifest: Hailuo Pro at Runbase, resumable, and nothing paid for twice."""

__version__ = "0.2.0"
