"""What supervisord's options set."""

import os
import posix
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.applets.supervisord_options import Answer, Settings, parse
from pyinit.config.ini_places import places


def test_options_become_options_of_the_section():
    words = ["-nsk", "-t", "-cx.conf", "-ume", "-m027", "-l", "l", "-y1KB", "-z", "3", "-edebug"]
    words += ["-jp", "-iid", "-a9"]
    assert parse([*words, "--minprocs", "7", "--profile_options", "calls"], "x") == Settings(
        "x.conf",
        (
            ("nodaemon", "true"),
            ("silent", "true"),
            ("nocleanup", "true"),
            ("strip_ansi", "true"),
            ("user", "me"),
            ("umask", "027"),
            ("logfile", "l"),
            ("logfile_maxbytes", "1KB"),
            ("logfile_backups", "3"),
            ("loglevel", "debug"),
            ("pidfile", "p"),
            ("identifier", "id"),
            ("minfds", "9"),
            ("minprocs", "7"),
        ),
    )


def test_a_value_may_be_empty():
    assert parse(["-i", ""], "x").overrides == (("identifier", ""),)


@pytest.mark.parametrize("word", ["-h", "-?", "--help"])
def test_the_help_tells_how_it_was_called(word):
    found = parse([word], "/usr/bin/supervisord")
    assert isinstance(found, Answer)
    assert "\nUsage: /usr/bin/supervisord [options]\n" in found.text


def test_a_directory_may_begin_at_home():
    home = os.environb.get(b"HOME")
    posix.environ[b"HOME"] = b"/usr"
    try:
        assert parse(["-q", "~/bin"], "x").overrides == (("childlogdir", "~/bin"),)
    finally:
        posix.environ.pop(b"HOME")
        if home is not None:
            posix.environ[b"HOME"] = home


PARTS = st.lists(st.sampled_from(["usr", "bin", "..", ".", "supervisord", ""]), max_size=5)


@given(PARTS, st.booleans())
def test_the_places_beside_the_program_are_the_genuine_ones(parts, rooted):
    program = ("/" if rooted else "") + "/".join(parts)
    above = posixpath.dirname(posixpath.dirname(program))
    assert places(program) == (
        posixpath.join(above, "etc", "supervisord.conf"),
        posixpath.join(above, "supervisord.conf"),
        "supervisord.conf",
        "etc/supervisord.conf",
        "/etc/supervisord.conf",
        "/etc/supervisor/supervisord.conf",
    )
