"""Connections to other machines, for those rooms of the shell that speak HTTP.

`origin` says who is spoken to and through which proxy, `line` holds one connection, `patience` its time-outs, `text`
makes what a server said fit to print. Nothing here knows Runbase, keys or files. Its invariant: whatever fails before
`Dialer.dial` returns has sent no byte of a request.
"""
