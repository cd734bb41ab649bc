"""The downloader: brings a run's outputs to disk.

`downloader` speaks to the file server, `links` decides where a link may lead, `naming` and `kinds` which extension
fits, `unpacking` undoes what a server compressed, `landing` brings bytes to disk. It never holds the API key. Its
invariant: a file under its final name is all that came of it and known to be damaged where it is, and no file that was
there before is overwritten.
"""

from hailuo_batch.adapters.download.downloader import Downloader

__all__ = ["Downloader"]
