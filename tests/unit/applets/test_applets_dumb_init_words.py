"""What dumb-init understands of a command line and an environment."""

import pytest

from pyinit.applets.dumb_init_options import Answer, Settings, parse

STOPS = {20: 19, 21: 19, 22: 19}  # a session of its own can only be stopped by STOP


def understand(*words, name=b"dumb-init", **env):
    return parse((name, *words), {key.encode(): value for key, value in env.items()})


def settings(*words, **env):
    found = understand(*words, **env)
    assert isinstance(found, Settings), found
    return found


def answer(*words, **env):
    found = understand(*words, **env)
    assert isinstance(found, Answer), found
    return found


def test_a_command_alone_gets_a_session():
    found = settings(b"true", b"-c")
    assert found == Settings((b"true", b"-c"), session=True, debug=False, rewrite=STOPS)


@pytest.mark.parametrize("words", [[b"-c"], [b"--single-child"], [b"--s"]])
def test_a_single_child_gets_none_and_no_rewrites(words):
    found = settings(*words, b"true")
    assert (found.session, found.rewrite) == (False, {})


@pytest.mark.parametrize("words", [[b"-v"], [b"--verbose"], [b"--verb"], [b"-cv"]])
def test_verbose_is_debugging(words):
    assert settings(*words, b"true").debug


def test_the_last_rewrite_of_a_signal_counts():
    found = settings(b"-c", b"-r15:2", b"--rewrite=1:0", b"--rewrite", b"15:9", b"true")
    assert found.rewrite == {15: 9, 1: 0}


def test_a_rewrite_of_a_stop_replaces_the_one_of_the_session():
    assert settings(b"-r20:10", b"true").rewrite == {**STOPS, 20: 10}


@pytest.mark.parametrize("text", [b"15:2", b" 15: 2", b"+15:+2", b"15:2x", b"4294967311:2"])
def test_a_rewrite_is_read_as_sscanf_reads_it(text):
    assert settings(b"-c", b"-r", text, b"true").rewrite == {15: 2}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"15",
        b":",
        b"15:",
        b":2",
        b"x:2",
        b"15:x",
        b"15 :2",
        b"0:2",
        b"32:2",
        b"-1:2",
        b"15:32",
        b"15:-1",
        b"TERM:INT",
    ],
)
def test_another_rewrite_is_explained(text):
    found = answer(b"-r", text, b"true")
    assert found.code == 1
    assert found.err.startswith(b"Usage: -r option takes <signum>:<signum>")


def test_only_a_1_debugs_and_only_a_0_takes_the_session():
    found = settings(b"true", DUMB_INIT_DEBUG=b"1", DUMB_INIT_SETSID=b"0")
    assert (found.debug, found.session) == (True, False)
    assert found.notes == (b"Running in debug mode.", b"Not running in setsid mode.")
    for value in (b"", b"2", b"01", b"yes"):
        other = settings(b"true", DUMB_INIT_DEBUG=value, DUMB_INIT_SETSID=value)
        assert (other.debug, other.session, other.notes) == (False, True, ())


def test_help_and_version_are_on_stderr_and_no_failure():
    for words in ([b"-h"], [b"--help"], [b"--h"]):
        found = answer(*words, name=b"/sbin/dumb-init")
        assert found.code == 0
        assert b"\nUsage: /sbin/dumb-init [option] command" in found.err
    for words in ([b"-V"], [b"--version"], [b"-cV"]):
        assert answer(*words).err.startswith(b"dumb-init v1.2.5 (pyinit ")


@pytest.mark.parametrize("words", [[], [b"-c"], [b"--"], [b"-c", b"--"]])
def test_without_a_command_two_lines_say_so(words):
    assert answer(*words) == Answer(
        1,
        b"Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n",
    )


def test_a_bad_option_is_the_c_librarys_complaint_and_nothing_more():
    assert answer(b"-x", b"true") == Answer(1, b"dumb-init: invalid option -- 'x'\n")
    assert answer(b"--v").err.startswith(b"dumb-init: option '--v' is ambiguous")


def test_a_command_line_without_even_a_name_is_answered():
    found = parse((), {})
    assert isinstance(found, Answer)
    assert found.code == 1
