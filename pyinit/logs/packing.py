"""Compressing an old log file: in a child of its own, never in PID 1."""

from __future__ import annotations


def pack(path: str) -> None:
    """Replace `path` by `path`.gz.  Raises OSError; an interrupted one leaves the original."""
    import gzip
    import os
    import shutil

    temporary = f"{path}.gz.{os.getpid()}"
    status = os.stat(path)
    with open(path, "rb") as source, gzip.open(temporary, "wb", compresslevel=6) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    os.chmod(temporary, status.st_mode & 0o7777)
    os.chown(temporary, status.st_uid, status.st_gid)
    os.rename(temporary, f"{path}.gz")
    os.unlink(path)
