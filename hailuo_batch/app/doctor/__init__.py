"""What an apply needs, looked at before it: nothing here sends a create, changes a file or repeats the key.

`examine` puts the checks in their order. Each check looks at one thing and yields findings; what a finding means is
decided by pure functions beside the look.
"""
