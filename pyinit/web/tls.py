"""TLS for doors: from descriptors that PID 1 has opened, since the key is not ours to read."""

from __future__ import annotations

import os
import ssl


def context(certificate_fd: int, key_fd: int) -> ssl.SSLContext:
    """Return a server's context; closes the descriptors.  Raises OSError (ssl.SSLError)."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate, key = _copied(certificate_fd), _copied(key_fd)
    try:
        made.load_cert_chain(f"/proc/self/fd/{certificate}", f"/proc/self/fd/{key}")
    finally:
        os.close(certificate)
        os.close(key)
    return made


def _copied(fd: int) -> int:
    """Return a memory file of ours with what `fd` has: OpenSSL opens by name, and we may that."""
    copy = os.memfd_create("tls", os.MFD_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        data = file.read()
    while data:
        data = data[os.write(copy, data) :]
    os.lseek(copy, 0, 0)
    return copy
