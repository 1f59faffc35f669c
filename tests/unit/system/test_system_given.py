"""Files read for a program: all of it, from a pipe, too; never without a bound, never for ever."""

import errno
import os
import threading

import pytest

from pyinit.system import given


def refused(path, most=100):
    with pytest.raises(OSError) as caught:
        given.read(str(path), most)
    assert caught.value.filename == str(path)
    return caught.value.errno, caught.value.strerror


def test_as_much_as_may_be_and_not_a_byte_more(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    assert given.read(str(path), 200_000) == b"x" * 200_000
    assert refused(path, 199_999) == (errno.EFBIG, "it is larger than 0 MB")
    assert refused("/dev/zero", 1 << 20) == (errno.EFBIG, "it is larger than 1 MB")


def test_an_empty_file_is_empty(tmp_path):
    (tmp_path / "file").touch()
    assert given.read(str(tmp_path / "file"), 0) == b""


def test_what_cannot_be_read_is_told_in_words(tmp_path):
    assert refused(tmp_path) == (errno.EISDIR, "Is a directory")
    assert refused(tmp_path / "none") == (errno.ENOENT, "No such file or directory")


def test_a_pipe_that_nobody_writes_to_or_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "WAIT_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    text = "nobody has written all of it within 0.05 s"
    assert refused(tmp_path / "pipe") == (errno.ETIMEDOUT, text)
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        os.write(writer, b"half")
        assert refused(tmp_path / "pipe") == (errno.ETIMEDOUT, text)
    finally:
        os.close(writer)


@pytest.mark.parametrize("parts", [[], [b""], [b"a", b"b" * 100_000, b"c"]])
def test_a_pipe_is_read_to_its_end(tmp_path, parts):
    os.mkfifo(tmp_path / "pipe")

    def write():
        with (tmp_path / "pipe").open("wb", buffering=0) as file:
            for part in parts:
                file.write(part)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert given.read(str(tmp_path / "pipe"), 1 << 20) == b"".join(parts)
    writer.join(10)
