"""Speaks to a control socket byte by byte, as clients do that were written in a hurry."""

import json
import socket
from pathlib import Path

from boxed import WITHIN_S

FAULTS = ("fault of pyinit", "turn of the loop failed", "error: dropped", "cannot perform")


class Raw:
    """One connection: `send` bytes, `receive` frames; `ended` says whether pyinit hung up."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # without a timeout: with one, a full queue is an error
        self.socket.settimeout(WITHIN_S)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Send bytes; a frame (dict) as a line of JSON.  Return whether all was taken."""
        if isinstance(data, dict):
            data = json.dumps(data).encode() + b"\n"
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def receive(self):
        """Return the next frame, None when pyinit hung up."""
        while b"\n" not in self.buffer:
            try:
                part = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not part:
                assert not self.buffer, "half a frame"
                return None
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def ask(self, data):
        """Send something and return the next frame."""
        self.send(data)
        return self.receive()

    def reply(self, number):
        """Return the reply of request `number`, passing over everything else."""
        while True:
            frame = self.receive()
            if frame is None or (frame.get("id") == number and "ok" in frame):
                return frame


def status(path):
    """Return what a new client is told."""
    with Raw(path) as client:
        return client.ask({"id": "s", "verb": "status"})


def assert_unharmed(box, most_mb=80):
    """Assert that PID 1 answers, has not grown, and has made no fault."""
    told = status(box.socket)
    assert told["ok"] is True, told
    assert told["result"]["pid"] == 1
    pages = int(Path(f"/proc/{box.pid}/statm").read_text().split()[1])
    assert pages * 4096 < most_mb << 20, pages
    log = box.err
    assert not [fault for fault in FAULTS if fault in log], log[-3000:]
