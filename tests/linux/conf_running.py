"""Runs pyinit with a file of supervisord's, in a box."""

from pathlib import Path

from boxed import Box, eventually

PIECE = 60_000


class ConfBox(Box):
    """A box whose configuration is `text`, a .conf file in which PLACE is its own directory.

    `place` is a directory that outlives it; `[supervisord]` is the caller's.
    """

    def __init__(self, place, text, *, options=(), **more):
        self.conf = Path(place) / "supervisord.conf"
        self.conf.write_text(text.replace("PLACE", str(place)))
        super().__init__(None, options=("-c", str(self.conf), *options), **more)

    def log(self, name, stream="stdout"):
        """Return all bytes of the log file of a process."""
        data = b""
        while True:
            args = {"name": name, "stream": stream, "offset": len(data), "length": PIECE}
            piece = self.call("read-log", args)
            data += piece["data"].encode("latin-1")
            if len(data) >= piece["size"]:
                return data

    def path(self, name, stream="stdout"):
        """Return the path of the log file of a process."""
        return Path(self.call("read-log", {"name": name, "stream": stream})["file"])

    def until_log(self, name, wanted, stream="stdout"):
        """Wait until the log of a process is just `wanted`."""
        last = []

        def look():
            last[:] = [self.log(name, stream)]
            return last[0] == wanted

        try:
            eventually(look)
        except AssertionError:
            raise AssertionError(f"{last[0][-500:]!r} is not {wanted[-500:]!r}") from None

    def reexec(self):
        """Have a new pyinit take over."""
        self.call("reexec")
