"""dumb-init's command line: every form of it, under the genuine dumb-init and under ours."""

import os
import random
import subprocess

import genuine
import pytest
from genuine import agree, both, environment, tidy

from pyinit.applets import dumb_init_options
from pyinit.applets.dumb_init_options import Settings

TABLE = [
    [],
    ["-h"],
    ["--help"],
    ["--hel"],
    ["--h"],
    ["--help=x"],
    ["--h=x"],
    ["-V"],
    ["--version"],
    ["--vers"],
    ["--ver"],
    ["--v"],
    ["--v=x"],
    ["--ve", "true"],
    ["--verb", "true"],
    ["--verbose", "true"],
    ["--verbose=yes", "true"],
    ["--version=1"],
    ["--s", "true"],
    ["--single-child", "true"],
    ["--single", "--", "true"],
    ["--rewrite"],
    ["--rewrite=15:2", "true"],
    ["--rewrite", "15:2", "true"],
    ["--rew=15:2", "true"],
    ["--r", "15:x", "true"],
    ["--rewrite=", "true"],
    ["--nonesuch"],
    ["--nonesuch=x", "true"],
    ["--=x", "true"],
    ["---", "true"],
    ["--c", "true"],
    ["-hV"],
    ["-Vh"],
    ["-cV"],
    ["-x", "true"],
    ["-cx", "true"],
    ["-cxh", "true"],
    ["-v"],
    ["--"],
    ["-c", "--"],
    ["-"],
    [""],
    ["-c", ""],
    ["-c", "", "a"],
    ["true"],
    ["-c", "true"],
    ["-c", "--", "true"],
    ["-v", "true"],
    ["-cv", "true"],
    ["-vc", "--", "false"],
    ["-v", "echo", "-v", "-n", "--help", "--"],
    ["echo", "-h"],
    ["echo", "--", "-c"],
    ["--", "echo", "--", "-c"],
    ["--", "--", "echo"],
    ["echo", "", "a", ""],
    ["-r"],
    ["-c", "-r"],
    ["-cr"],
    ["-r", "--", "true"],
    ["-r15:2", "true"],
    ["-cr15:2", "true"],
    ["-cr", "15:2", "true"],
    ["-r", "15", "true"],
    ["-r", "15:", "true"],
    ["-r", ":15", "true"],
    ["-r", "15:0", "true"],
    ["-r", "0:15", "true"],
    ["-r", "31:31", "true"],
    ["-r", "32:15", "true"],
    ["-r", "15:32", "true"],
    ["-r", "-1:15", "true"],
    ["-r", "15:-1", "true"],
    ["-r", "15:2x", "true"],
    ["-r", "15:2:3", "true"],
    ["-r", "x15:2", "true"],
    ["-r", "15x:2", "true"],
    ["-r", " 15:2", "true"],
    ["-r", "15: 2", "true"],
    ["-r", "15 :2", "true"],
    ["-r", "+15:+2", "true"],
    ["-r", "\t\n15:\t2 ", "true"],
    ["-r", "0x0f:2", "true"],
    ["-r", "15:0x02", "true"],
    ["-r", "0015:0002", "true"],
    ["-r", "TERM:INT", "true"],
    ["-r", "SIGTERM:SIGINT", "true"],
    ["-r", "", "true"],
    ["-r", ":", "true"],
    ["-r", "4294967311:2", "true"],
    ["-r", "15:4294967298", "true"],
    ["-r", "18446744073709551631:2", "true"],
    ["-r", "99999999999999999999999:2", "true"],
    ["-r", "15:99999999999999999999999", "true"],
    ["-r", "-99999999999999999999999:2", "true"],
    ["-r", "9:15", "-r", "15:9", "-r", "15:10", "true"],
    ["-r", "17:15", "true"],
    ["-r", "15:2", "-r", "x", "true"],
    ["no-such-program"],
    ["/no/such/program"],
    ["./no-such-program"],
    ["/etc/passwd"],
    ["/etc/passwd/x"],
    ["/tmp"],
    ["/" + "x" * 300],
    ["x" * 300],
    ["-v", "no-such-program"],
    ["-c", "no-such-program"],
    [b"\xff\xfe"],
    [b"-\xe9", "true"],
    [b"--\xe9=\xff", "true"],
    [b"-r\xff", "true"],
    ["sh", "-c", "exit 255"],
    ["-c", "sh", "-c", "exit 7"],
    ["-c", "sh", "-c", "kill -KILL $$"],
    ["sh", "-c", "kill -TERM $$"],
]


@pytest.mark.parametrize("args", TABLE, ids=lambda args: " ".join(map(os.fsdecode, args)) or "-")
def test_says_and_returns_the_same(args):
    agree("dumb-init", *args)


@pytest.mark.parametrize("name", ["/usr/bin/dumb-init", "./dumb-init", "xyz", "dir/"])
@pytest.mark.parametrize("args", [["-h"], ["-x"], [], ["--v"], ["-r"]])
def test_calls_itself_by_the_words_it_was_started_with(name, args):
    agree("dumb-init", *args, name=name)


@pytest.mark.parametrize("value", ["", "0", "1", "01", "1 ", "true", "2"])
@pytest.mark.parametrize("name", ["DUMB_INIT_DEBUG", "DUMB_INIT_SETSID"])
@pytest.mark.parametrize("args", [["true"], ["-v", "true"], ["-c", "true"], ["-vc", "true"]])
def test_only_one_value_of_each_variable_counts(name, value, args):
    agree("dumb-init", *args, env={name: value})


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("setsid", ["0", "1"])
def test_both_variables_together_say_the_same(debug, setsid):
    env = {"DUMB_INIT_DEBUG": debug, "DUMB_INIT_SETSID": setsid}
    agree("dumb-init", "sh", "-c", "exit 3", env=env)


@pytest.mark.parametrize("args", [["echo", "-c", "a"], ["-c", "echo", "-h"], ["-x"]])
def test_posixly_correct_changes_nothing(args):
    assert agree("dumb-init", *args, env={"POSIXLY_CORRECT": "1"}) == tidy(
        both("dumb-init")[1].run(*args)
    )


def test_the_variables_do_not_matter_to_a_command_line_that_is_wrong():
    env = {"DUMB_INIT_DEBUG": "1", "DUMB_INIT_SETSID": "0"}
    assert agree("dumb-init", "-r", "x", "true", env=env).code == 1
    assert agree("dumb-init", env=env).code == 1


def test_a_version_line_says_what_really_runs():
    outcome = both("dumb-init")[1].run("--version")
    assert outcome.err.startswith(b"dumb-init v1.2.5 (pyinit ")


WORDS = [
    *("-c", "-v", "-cv", "-r", "-r15:2", "15:2", "15:0", "-cr", "--rewrite", "--rewrite=1:2"),
    *("--single-child", "--sin", "--verbose", "--verb", "--ver", "--help=1", "-x", "-", "--"),
    *("--", "echo", "echo", "echo", "y", "-r32:1", "-h", "-V", "-cx", "", "--r=3:4", "-vr2:9"),
]


def test_random_command_lines_are_understood_alike():
    dice = random.Random(12)
    executable = genuine.genuine("dumb-init")
    for _ in range(500):
        args = [dice.choice(WORDS) for _ in range(dice.randrange(6))]
        env = dice.choice([{}, {}, {"DUMB_INIT_DEBUG": "1"}, {"DUMB_INIT_SETSID": "0"}])
        argv = ["dumb-init", *args]
        process = subprocess.run(
            argv,
            executable=executable,
            env=environment(env),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=30,
        )
        theirs = tidy(genuine.Outcome(process.returncode, process.stdout, process.stderr))
        ours = dumb_init_options.parse(
            [word.encode() for word in argv], {k.encode(): v.encode() for k, v in env.items()}
        )
        if not isinstance(ours, Settings):
            assert genuine.Outcome(ours.code, b"", genuine.plain(ours.err)) == theirs, (argv, env)
            continue
        assert (b"Child spawned" in theirs.err) == ours.debug, argv
        if ours.debug:
            assert (b"setsid complete." in theirs.err) == ours.session, argv
        if ours.command[0] == b"echo":
            assert theirs.out == b" ".join(ours.command[1:]) + b"\n", argv
        else:
            assert b"[dumb-init] %b: " % ours.command[0] in theirs.err, argv
