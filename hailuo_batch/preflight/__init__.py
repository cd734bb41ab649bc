"""Checks whether the images of a campaign can be used: fetches what is needed, reads their headers, judges."""
