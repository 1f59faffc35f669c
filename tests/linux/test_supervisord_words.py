"""The command line of supervisord: the same words for the genuine one and ours."""

import http.client
import os
import re
import subprocess
import xmlrpc.client
from pathlib import Path

import pytest
from boxed import IS_ROOT, WITHIN_S, eventually
from supervised import SIDES, Side, applet_words, base, program, supervisord_words

from pyinit.client import Client

REFUSED = [
    ["-x"],
    ["--nonesuch"],
    ["--s"],
    ["--m"],
    ["--silent=1"],
    ["-c"],
    ["--minf"],
    ["--configuration"],
    ["-nq"],
    ["-n", "cat"],
    ["--", "cat"],
    ["-n", "-"],
    ["-c", "a", "-c", "b"],
    ["-c", "a", "--conf=b"],
    ["-nn"],
    ["-n", "--nodaemon"],
    ["-h", "-x"],
    ["-v", "cat"],
    ["-m", "x"],
    ["-m", "9"],
    ["-m", ""],
    ["--umask=0x1"],
    ["-d", "/no/such/place"],
    ["-q", "/no/such/place"],
    ["-q", ""],
    ["-y", "5M"],
    ["-y", "5 KB "],
    ["-y", ""],
    ["-z", "1.5"],
    ["-a", "many"],
    ["--minprocs", "q"],
    ["-e", "loud"],
    ["-e", ""],
]
UNDERSTOOD = [
    ["-y", "5KB"],
    ["-y", "5 kb"],
    ["-y", "-1"],
    ["-a", " 5_0"],
    ["-e", "INFO"],
    ["-e", "blather"],
    ["-m", "0o22"],
    ["-d", "/tmp"],
    ["-ntsk"],
    ["--noda", "--sil", "--minf", "5"],
    ["-i", ""],
]


def run(words, place, name="supervisord"):
    done = subprocess.run(
        words,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        cwd=place,
    )
    own = re.sub(r"use \S+ -h", f"use {name} -h", done.stderr)  # by which path it was started
    return done.returncode, done.stdout, own


def both(place, *args):
    return [run([*supervisord_words(which), *args], place) for which in SIDES]


@pytest.mark.parametrize("args", REFUSED, ids=" ".join)
def test_what_makes_no_sense_is_refused_in_the_same_two_lines(args, tmp_path):
    ours, theirs = both(tmp_path, *args)
    assert ours == theirs
    assert ours[0] == 2
    assert ours[2].count("\n") == 2


@pytest.mark.parametrize("args", UNDERSTOOD, ids=" ".join)
def test_what_makes_sense_is_taken_and_the_file_is_looked_for(args, tmp_path):
    """Both have got past their options when they complain about the file."""
    codes, _outs, errors = zip(*both(tmp_path, "-c", "/no/such/conf", *args), strict=True)
    assert codes == (2, 2)
    assert all("/no/such/conf" in error for error in errors)
    assert all("invalid value" not in error for error in errors)


def test_the_version_is_that_of_the_supervisord_it_stands_in_for(tmp_path):
    for args in (["-v"], ["--version"], ["-nv", "-c", "a", "-c", "b"]):
        ours, theirs = both(tmp_path, *args)
        assert ours == theirs == (0, "4.3.0\n", "")


def test_the_help_names_the_same_options_in_the_same_order(tmp_path):
    (code, ours, _), (_, theirs, _) = both(tmp_path, "-?")
    options = r"^(-\w/--\w+|--\w+)(?: [A-Z]+)?\s+--"
    assert code == 0
    assert re.findall(options, ours, re.MULTILINE) == re.findall(options, theirs, re.MULTILINE)
    assert re.search(r"^Usage: \S+ \[options\]$", ours, re.MULTILINE)


def test_without_a_file_it_says_where_it_has_looked(tmp_path):
    """The genuine one warns root beside that, with a place in its source."""
    (code, _, ours), (genuine_code, _, theirs) = both(tmp_path)
    assert code == genuine_code == 2
    beside_it = r"\((?:[^,]*, ){2}supervisord.conf"  # where the program itself is
    lines = [line for line in theirs.splitlines() if line.startswith(("Error", "For help"))]
    assert [re.sub(beside_it, "(", line) for line in ours.splitlines()] == [
        re.sub(beside_it, "(", line) for line in lines
    ]


@pytest.mark.parametrize("place", ["supervisord.conf", "etc/supervisord.conf"])
def test_it_finds_the_same_file_where_it_is_started(place, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "supervisord.conf").write_text("[nothing]\nfrom=etc\n")
    (tmp_path / place).write_text("[nothing]\nfrom=here\n")
    (ours, _, error), (theirs, _, genuine_error) = both(tmp_path)
    assert ours == theirs == 2
    for text in (error, genuine_error):
        assert ".ini file does not include supervisord section" in text


def test_it_finds_the_file_beside_its_own_directory(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "etc" / "supervisord.conf").write_text("[nothing]\n")
    words = applet_words("supervisord")
    named = words[-1].replace(
        "import sys;", f"import sys; sys.argv[0] = {str(tmp_path / 'bin/x')!r};"
    )
    code, _, error = run([*words[:-1], named], "/")
    assert code == 2
    assert ".ini file does not include supervisord section" in error


@pytest.mark.parametrize("which", SIDES)
def test_options_win_over_the_file(which):
    conf = base(supervisord="identifier=of-the-file\nloglevel=info") + program("cat", "cat")
    options = ["-i", "of-the-line", "-e", "debug", "-l", "other.log", "-y", "1MB", "-z", "1"]
    with Side(which, conf, options=options) as side:
        side.wait_state("cat", "RUNNING")
        assert side.log == ""
        assert "success: cat entered RUNNING state" in side.read("other.log")


@pytest.mark.parametrize("which", SIDES)
@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT"])
def test_told_to_stop_it_ends_with_0_whatever_the_programs_did(which, name):
    conf = base() + program("bad", "false", startretries=0) + program("cat", "cat")
    with Side(which, conf) as side:
        side.wait_state("bad", "FATAL")
        side.wait_state("cat", "RUNNING")
        side.send(name)
        assert side.wait() == 0
        said = [text for _, text in side.messages()]
        assert f"received SIG{name} indicating exit request" in said


@pytest.mark.parametrize("which", SIDES)
def test_it_runs_on_when_nothing_is_left_to_run(which):
    conf = base() + program("bad", "false", startretries=0) + program("cat", "cat")
    with Side(which, conf) as side:
        side.wait_state("bad", "FATAL")
        assert not side.ended
        assert side.ctl("status", "bad").returncode == 3 if which == "genuine" else True


def test_root_without_a_user_is_told_as_the_genuine_one_tells_it():
    if os.geteuid() != 0:
        pytest.skip("not root")
    found = []
    for which in SIDES:
        with Side(which, base() + program("cat", "cat")) as side:
            side.wait_state("cat", "RUNNING")
            found.append([row for row in side.messages() if row[0] == "CRIT"])
    ours, theirs = found
    assert ours == theirs
    assert "running as root" in ours[0][1]


def test_with_user_root_nothing_is_told_about_it():
    if os.geteuid() != 0:
        pytest.skip("not root")
    for which in SIDES:
        with Side(which, base(supervisord="user=root") + program("cat", "cat")) as side:
            side.wait_state("cat", "RUNNING")
            assert "running as root" not in side.log
            assert ("INFO", "Set uid to user 0 succeeded") in side.messages()


def test_a_daemon_is_not_what_it_becomes_and_that_is_told():
    conf = base().replace("nodaemon=true", "nodaemon=false") + program("cat", "cat")
    with Side("pyinit", conf) as side:
        side.wait_state("cat", "RUNNING")
        assert not side.ended
        assert any("nodaemon" in text for _, text in side.messages()), side.said
    with Side("pyinit", conf, options=["-n"]) as side:
        side.wait_state("cat", "RUNNING")
        assert not any("nodaemon" in text for _, text in side.messages()), side.said


def test_what_is_wrong_with_the_file_is_told_in_its_words():
    for which in SIDES:
        with Side(which, "[program:cat]\ncommand=cat\n", wait=False) as side:
            assert side.wait() == 2
            error, *_fix, helping = side.err.splitlines()
            assert error.startswith("Error: ")
            assert ".ini file does not include supervisord section" in error
            assert helping.startswith("For help, use ")


def test_it_is_called_supervisord_by_the_kernel():
    with Side("pyinit", base() + program("cat", "cat")) as side:
        assert Path(f"/proc/{side.pid}/comm").read_text() == "supervisord\n"


def identified(side):
    """Return by which name it goes, None while it does not answer."""
    try:
        return side.rpc("supervisor.getIdentification")
    except (OSError, http.client.HTTPException, xmlrpc.client.Fault):
        return None


@pytest.mark.parametrize("which", SIDES)
def test_options_win_over_the_file_after_a_reload_too(which):
    conf = base(supervisord="identifier=of-the-file") + program("cat", "cat")
    with Side(which, conf, options=["-i", "of-the-line"]) as side:
        side.wait_state("cat", "RUNNING")
        before = side.pid_of("cat")
        side.conf.write_text(conf + program("new", "cat"))
        assert side.ctl("reload").stdout == "Restarted supervisord\n"
        side.wait_state("new", "RUNNING")
        assert side.pid_of("cat") != before
        assert identified(side) == "of-the-line"


def test_options_win_over_the_file_after_a_re_exec_too():
    conf = base(supervisord="identifier=of-the-file") + program("cat", "cat")
    with Side("pyinit", conf, options=["-i", "of-the-line"]) as side:
        side.wait_state("cat", "RUNNING")
        before = side.pid_of("cat")
        with Client(side.control) as client:
            client.call("reexec", answer_s=None)
        assert eventually(lambda: identified(side)) == "of-the-line"
        assert side.pid_of("cat") == before
        side.conf.write_text(conf + program("new", "cat"))
        assert side.ctl("update").stdout == "new: added process group\n"
        assert identified(side) == "of-the-line"
        assert Path(f"/proc/{side.pid}/comm").read_text() == "supervisord\n"


@pytest.mark.skipif(not IS_ROOT, reason="not root")
@pytest.mark.parametrize("which", SIDES)
def test_a_user_of_the_command_line_is_who_it_becomes(which):
    conf = base() + program("cat", "cat")
    theirs = ["sh", "-c", 'chown nobody .; exec "$@"', "sh"]
    with Side(which, conf, options=["-u", "nobody"], within=theirs, public=True) as side:
        side.wait_state("cat", "RUNNING")
        assert os.stat(f"/proc/{side.pid}").st_uid == 65534
        assert ("INFO", "Set uid to user 65534 succeeded") in side.messages()


@pytest.mark.parametrize("which", SIDES)
def test_limits_of_the_command_line_are_raised_and_inherited(which):
    conf = base() + program("cat", "cat")
    low = ["prlimit", "--nofile=200:4000"]
    with Side(which, conf, options=["-a", "3000"], within=low) as side:
        side.wait_state("cat", "RUNNING")
        limits = Path(f"/proc/{side.pid}/limits").read_text()
        assert re.search(r"^Max open files\s+3000\s+4000", limits, re.MULTILINE)
