"""The downloader: brings a run's outputs to disk.

`downloader` speaks to the file server, `links` decides where a link may lead, `naming` which extension fits, `landing`
brings bytes to disk. It never holds the API key. Its invariant: a file under its final name is whole and right, and no
file that was there before is overwritten.
"""

from hailuo_batch.shell.downloader.downloader import Downloader

__all__ = ["Downloader"]
