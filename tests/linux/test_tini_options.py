"""tini's command line: every form of it, under the genuine tini and under ours."""

import os
import random
import subprocess

import genuine
import pytest
from genuine import agree, both, environment, tidy

from pyinit.applets import tini_options
from pyinit.applets.tini_options import Settings

TABLE = [
    [],
    ["-h"],
    ["--help"],
    ["--version"],
    ["--version", "true"],
    ["-s", "--version"],
    ["-hx"],
    ["-xh"],
    ["-x", "true"],
    ["-v"],
    ["--"],
    ["-s", "--"],
    ["-"],
    ["-s", ""],
    ["true"],
    ["-s", "true"],
    ["-s", "--", "true"],
    ["-s", "echo", "a", "b"],
    ["-s", "echo", "a", "-n"],
    ["echo", "-s", "a", "-w", "b"],
    ["-s", "echo", "-", "a"],
    ["-s", "echo", "--", "-n", "a"],
    ["-s", "--", "echo", "--", "-h"],
    ["-s", "--", "echo", "-h"],
    ["echo", "x", "-h"],
    ["ls", "-a"],
    ["-sgw", "echo", "bundled"],
    ["-sp", "SIGTERM", "echo", "a"],
    ["-spSIGTERM", "echo", "a"],
    ["-p"],
    ["-s", "-p"],
    ["-sp"],
    ["-p", "TERM", "true"],
    ["-p", "sigterm", "true"],
    ["-p", "15", "true"],
    ["-p", "SIGRTMIN", "true"],
    ["-p", "SIGIO", "true"],
    ["-p", "--", "true"],
    ["-p", "", "true"],
    ["-e"],
    ["-s", "-e", "0", "true"],
    ["-s", "-e", "255", "sh", "--", "-c", "exit 255"],
    ["-s", "-e", "1", "-e", "2", "sh", "--", "-c", "exit 2"],
    ["-s", "-e1", "-e2", "sh", "--", "-c", "exit 3"],
    ["-s", "-e", "143", "--", "sh", "-c", "kill -TERM $$"],
    ["-s", "-e", "143", "--", "sh", "-c", "kill -INT $$"],
    ["-s", "-e", "137", "--", "sh", "-c", "kill -KILL $$"],
    ["-e", "256", "true"],
    ["-e", "-1", "true"],
    ["-e", "x", "true"],
    ["-e", "1x", "true"],
    ["-e", "1 ", "true"],
    ["-e", "0x10", "true"],
    ["-e", "99999999999999999999", "true"],
    ["-e", "-", "true"],
    ["-e", "+", "true"],
    ["-e", " ", "true"],
    ["-s", "-e", "", "--", "sh", "-c", "exit 0"],
    ["-s", "-e", "", "--", "sh", "-c", "exit 1"],
    ["-s", "-e", "+5", "--", "sh", "-c", "exit 5"],
    ["-s", "-e", " \t5", "--", "sh", "-c", "exit 5"],
    ["-s", "-e", "-0", "--", "sh", "-c", "exit 5"],
    ["-s", "-e", "0000000000000000000000000000005", "--", "sh", "-c", "exit 5"],
    ["-s", "no-such-program"],
    ["no-such-program"],
    ["-s", "/no/such/program"],
    ["-s", "/etc/passwd"],
    ["-s", "/etc/passwd/x"],
    ["-s", "/tmp"],
    ["-s", "/" + "x" * 300],
    ["-s", "x" * 300],
    [b"\xff\xfe"],
    ["-\xe9".encode("latin-1"), "true"],
    [b"-p\xff", "true"],
]


@pytest.mark.parametrize("args", TABLE, ids=lambda args: " ".join(map(os.fsdecode, args)) or "-")
def test_says_and_returns_the_same(args):
    agree("tini", *args)


@pytest.mark.parametrize("name", ["/usr/bin/tini", "./tini", "tini-static", "xyz", "dir/"])
@pytest.mark.parametrize("args", [["-h"], ["-x"], []])
def test_calls_itself_by_its_name(name, args):
    agree("tini", *args, name=name)


@pytest.mark.parametrize("value", ["", "0", "1"])
@pytest.mark.parametrize("args", [["echo", "-s", "a"], ["ls", "-d"], ["-s", "echo", "-n"]])
def test_posixly_correct_ends_the_options_at_the_first_word(value, args):
    agree("tini", *args, env={"POSIXLY_CORRECT": value})


@pytest.mark.parametrize("value", ["", "0", "1", "x"])
def test_a_subreaper_by_environment_does_not_warn(value):
    assert agree("tini", "true", env={"TINI_SUBREAPER": value}).err == b""


def test_a_version_line_says_what_really_runs():
    outcome = both("tini")[1].run("--version")
    assert outcome.out.startswith(b"tini version 0.19.0 - pyinit ")


def test_the_licence_is_printed_on_stdout():
    theirs, ours = (side.run("-l", "true") for side in both("tini"))
    assert (ours.code, ours.err) == (theirs.code, theirs.err) == (0, b"")
    assert ours.out == (genuine.ROOT / "LICENSE").read_bytes()
    assert b"Permission is hereby granted" in theirs.out


WORDS = [
    *("-s", "-g", "-w", "-v", "-sg", "-vv", "-swg", "-e", "-e5", "5", "300", "-e300", "-pSIGTERM"),
    *("-p", "SIGHUP", "-spSIGHUP", "-se", "-x", "-h", "--version", "-", "--", "--", "echo"),
    *("echo", "echo", "y", "-sx", "-pX", "-hs", ""),
]


def understood(argv, env):
    """Say what the genuine tini made of a command line that we understand as Settings or not."""
    process = subprocess.run(
        argv,
        executable=genuine.genuine("tini"),
        env=environment(env),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=30,
    )
    return tidy(genuine.Outcome(process.returncode, process.stdout, process.stderr))


def test_random_command_lines_are_understood_alike():
    dice = random.Random(19)
    for _ in range(500):
        args = [dice.choice(WORDS) for _ in range(dice.randrange(6))]
        env = dice.choice(
            [{}, {}, {"POSIXLY_CORRECT": ""}, {"TINI_VERBOSITY": "0"}, {"TINI_VERBOSITY": "-1"}]
        )
        argv = ["tini", *args]
        theirs = understood(argv, env)
        ours = tini_options.parse(
            [word.encode() for word in argv], {k.encode(): v.encode() for k, v in env.items()}
        )
        if not isinstance(ours, Settings):
            fatal = b"[FATAL tini (PID)] " + ours.fatal + b"\n" if ours.fatal else b""
            said = genuine.Outcome(
                ours.code, genuine.plain(ours.out), genuine.plain(ours.err) + fatal
            )
            assert said == theirs, (argv, env)
            continue
        assert (b"[WARN " in theirs.err) == (ours.verbosity >= 1 and not ours.subreaper), argv
        assert (b"[INFO " in theirs.out) == (ours.verbosity >= 2), argv
        if ours.command[0] == b"echo":
            assert b" ".join(ours.command[1:]) + b"\n" in theirs.out, argv
        else:
            assert b"exec %b failed" % ours.command[0] in theirs.err, argv
