"""The verdict for the command `pyinit -d`: never longer than what the pipe to it holds."""

import os

from pyinit.runtime import verdict
from pyinit.system import files


def test_a_verdict_fits_into_the_pipe_whatever_there_is_to_tell():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = verdict.packed(1, "\N{SNOWMAN}" * 100_000)
    files.say(writer, data)
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == data
    assert data.startswith(b"1\0")
    assert data.endswith(verdict.CUT)


def test_a_short_verdict_is_told_whole():
    assert verdict.packed(0, "12 /run/x\n") == b"0\x0012 /run/x\n"
