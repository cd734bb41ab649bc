"""Campaigns from Python: the same plans, ledgers and promises as those of the command line, as typed values.

`from hailuo_batch import Campaign` is the way in; docs/python.md lists the names that stay.
"""
