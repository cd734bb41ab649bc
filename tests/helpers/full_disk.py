"""A disk that really refuses to be written, without privileges: the kernel's limit on the size of files.

While it holds, every write of this process to a regular file fails with EFBIG, also as root. Pipes are not touched.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_disk() -> Iterator[None]:
    """No regular file can be written inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
