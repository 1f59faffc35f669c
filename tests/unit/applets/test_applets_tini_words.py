"""What tini understands of a command line and an environment."""

import signal

import pytest

from pyinit.applets.tini_options import Answer, Settings, parse


def understand(*words, name=b"tini", **env):
    return parse((name, *words), {key.encode(): value for key, value in env.items()})


def settings(*words, **env):
    found = understand(*words, **env)
    assert isinstance(found, Settings), found
    return found


def answer(*words, **env):
    found = understand(*words, **env)
    assert isinstance(found, Answer), found
    return found


def test_a_command_alone_asks_for_nothing_special():
    assert settings(b"true", b"a") == Settings((b"true", b"a"))
    assert settings(b"true").verbosity == 1


def test_each_letter_sets_what_it_is_for():
    found = settings(b"-sgwvv", b"-pSIGTERM", b"-e", b"143", b"-e0", b"--", b"true", b"-x")
    assert found == Settings(
        command=(b"true", b"-x"),
        subreaper=True,
        parent_death_signal=signal.SIGTERM,
        verbosity=3,
        warn_on_reap=True,
        group=True,
        expected=frozenset((0, 143)),
    )


def test_options_are_taken_from_between_the_commands_words():
    assert settings(b"ls", b"-s", b"x", b"--", b"-l").command == (b"ls", b"x", b"-l")


@pytest.mark.parametrize("value", [b"", b"0", b"1"])
def test_posixly_correct_whatever_its_value_leaves_the_command_its_words(value):
    found = settings(b"-g", b"ls", b"-s", POSIXLY_CORRECT=value)
    assert found == Settings((b"ls", b"-s"), group=True)


@pytest.mark.parametrize("value", [b"", b"0", b"no"])
def test_the_environment_switches_on_by_being_there(value):
    found = settings(b"true", TINI_SUBREAPER=value, TINI_KILL_PROCESS_GROUP=value)
    assert (found.subreaper, found.group) == (True, True)


@pytest.mark.parametrize(
    ("value", "verbosity"),
    [
        *((b"0", 0), (b"3", 3), (b"", 0), (b"x", 0), (b" 2x", 2)),
        *((b"-1", 2**32 - 1), (b"4294967297", 1)),
    ],
)
def test_the_verbosity_of_the_environment_replaces_that_of_the_options(value, verbosity):
    assert settings(b"-vvv", b"true", TINI_VERBOSITY=value).verbosity == verbosity


@pytest.mark.parametrize("name", ["HUP", "KILL", "STOP", "SYS", "WINCH", "CHLD", "USR2"])
def test_p_takes_the_name_of_a_signal(name):
    found = settings(b"-p", b"SIG" + name.encode(), b"true")
    assert found.parent_death_signal == getattr(signal, "SIG" + name)


@pytest.mark.parametrize("value", [b"", b"TERM", b"sigterm", b"15", b"SIG", b"SIGIO", b"SIGRTMIN"])
def test_p_takes_no_other_word(value):
    assert answer(b"-p", value, b"true") == Answer(1, fatal=b"Not a valid option for -p: " + value)


@pytest.mark.parametrize(
    ("value", "status"), [(b"0", 0), (b"255", 255), (b"", 0), (b" +7", 7), (b"-0", 0)]
)
def test_e_takes_a_status(value, status):
    assert settings(b"-e", value, b"true").expected == frozenset((status,))


@pytest.mark.parametrize("value", [b"256", b"-1", b"x", b"1x", b" ", b"1 ", b"9" * 30])
def test_e_takes_nothing_else(value):
    assert answer(b"-e", value, b"true") == Answer(1, fatal=b"Not a valid option for -e: " + value)


def test_help_is_on_stdout_and_names_the_program():
    found = answer(b"-sh", name=b"/sbin/init")
    assert (found.code, found.err, found.fatal) == (0, b"", b"")
    assert found.out.startswith(b"init (tini version 0.19.0 - pyinit ")
    assert b"\nUsage: init [OPTIONS] PROGRAM -- [ARGS] | --version\n" in found.out


def test_the_licence_is_on_stdout():
    found = answer(b"-l")
    assert (found.code, found.err) == (0, b"")
    assert found.out.startswith(b"MIT License\n")


def test_the_version_is_asked_for_alone():
    assert answer(b"--version").out.startswith(b"tini version 0.19.0 - pyinit ")
    assert answer(b"-s", b"--version").code == 1


@pytest.mark.parametrize("words", [[], [b"--"], [b"-s"], [b"-s", b"--"]])
def test_without_a_command_the_usage_is_on_stderr(words):
    found = answer(*words)
    assert (found.code, found.out) == (1, b"")
    assert found.err.startswith(b"tini (tini version ")


def test_a_bad_option_is_complained_of_before_the_usage():
    found = answer(b"-x", b"true")
    assert found.code == 1
    assert found.err.startswith(b"tini: invalid option -- 'x'\ntini (tini version ")


def test_the_first_answer_counts():
    assert answer(b"-h", b"-x").code == 0
    assert answer(b"-x", b"-h").code == 1


def test_a_command_line_without_even_a_name_is_answered():
    found = parse((), {})
    assert isinstance(found, Answer)
    assert found.code == 1
