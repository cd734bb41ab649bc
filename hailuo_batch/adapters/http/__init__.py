"""HTTP connections to other machines, for the adapters that need them.

`origin` names a server and the proxy before it, `dialing` and `connection` connect and exchange, `timeouts` bounds an
exchange, `text` makes a server's words fit to print. Nothing here knows Runbase, keys or files. Invariant: whatever
fails before `Dialer.dial` returns has sent no byte of a request, so that it is safe to send it again.
"""
