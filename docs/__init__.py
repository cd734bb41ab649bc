"""The documentation, and what writes its generated parts; run each script from the repository's root.

`python -m docs.make_commands` writes commands.md and the README's list of commands, `python -m docs.make_states` the
tables of states.md, `python -m docs.screenshot` the picture of the report. Not part of the package.
"""
