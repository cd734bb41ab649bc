"""The downloader: saves a run's outputs to disk. It never holds the API key.

`downloader` runs a download, `links` and `follow` decide where a link may lead, `response_head` and `resume` whether a
download can continue, `file_names` and `file_types` choose the extension, `decompress` undoes a server's compression,
`mp4` checks for completeness, `file_writer` writes. Invariant: a file under its final name is complete, or marked as
damaged, and no existing file is ever overwritten.
"""

from hailuo_batch.adapters.download.downloader import Downloader

__all__ = ["Downloader"]
