"""Which kind of file system a folder lies on, as Linux lists them; other systems do not say."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "davfs", "beegfs"),
        *("ncpfs", "ocfs2", "gfs2", "vboxsf", "prl_fs", "virtiofs", "drvfs"),
    }
)
_FUSE = re.compile(
    r"fuse\.(sshfs|s3fs|rclone|gcsfuse|goofys|glusterfs|davfs.*|.*drive.*|cephfs|vmhgfs-fuse|blobfuse.*)"
)


def find_network_file_system(folder: Path) -> str:
    """The kind of network file system that the folder lies on, such as `nfs4`; empty for a local or unknown one."""
    try:
        text = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        path = os.path.realpath(folder)
    except OSError:
        return ""
    kind = _kind_at(text, Path(path))
    return kind if kind in _NETWORK or _FUSE.fullmatch(kind) else ""


def _kind_at(mounts: str, path: Path) -> str:
    """The kind of the innermost file system over this path; of several at one place, the one mounted last."""
    found = ("", "")
    for place, kind in _parse(mounts):
        if path.is_relative_to(place) and len(place) >= len(found[0]):
            found = place, kind
    return found[1]


def _parse(mounts: str) -> Iterator[tuple[str, str]]:
    """Each mount's place and kind: fields 5 and, after the dash, 1 (proc_pid_mountinfo(5))."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) > 4 and kind:
            yield _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]), kind
