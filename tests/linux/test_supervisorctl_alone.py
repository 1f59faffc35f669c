"""supervisorctl without a server: what the genuine one says of it, and ours."""

import os
import re
import subprocess

import pytest
from boxed import WITHIN_S
from supervised import applet_words, genuine

LINES = """\
status
status cat
start
start cat
stop cat
restart cat
signal HUP cat
pid
tail cat
tail -f cat
maintail
maintail -f
clear cat
fg cat
version
avail
reread
update
add cat
add
remove cat
shutdown
reload
open http://localhost:1
open unix://{place}/y.sock
frobnicate
exit
"""
REFUSED = [
    ["-x", "status"],
    ["--nonesuch"],
    ["-s", "foo", "status"],
    ["-s", "https://x", "status"],
    ["-s", "ftp://x", "avail"],
    ["-s", "http://nosuchhost.invalid:1", "status"],
    ["-c", "/no/such/file", "status"],
    ["-c", "{place}", "status"],
    ["-c", "/dev/null", "status"],
    ["-s", "http://a:1", "-s", "http://a:1"],
    ["-i", "-i"],
    ["-u"],
    ["-i", "quit"],
    ["   "],
    [""],
]


def run(which, place, words):
    name = [genuine("supervisorctl")] if which == "genuine" else applet_words("supervisorctl")
    done = subprocess.run(
        [*name, *[word.replace("{place}", str(place)) for word in words]],
        env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": f"{place}/control.sock"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        cwd=place,
    )
    out = re.sub(r": file: \S+ line: \d+", "", done.stdout)
    out = re.sub(r"\n.*\t.*(?=\n)", "", out)  # the help that follows an error
    err = re.sub(r"use \S+ -h", "use ME -h", done.stderr)
    return out, err, done.returncode


@pytest.mark.parametrize("url", ["unix://{place}/x.sock", "http://localhost:1"])
def test_without_a_server_every_line_says_and_returns_the_same(url, tmp_path):
    found = [
        {line: run(which, tmp_path, ["-s", url, *line.split()]) for line in LINES.splitlines()}
        for which in ("genuine", "pyinit")
    ]
    assert found[1] == found[0]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_words_that_make_no_sense_are_refused_alike(words, tmp_path):
    assert run("pyinit", tmp_path, words) == run("genuine", tmp_path, words)


def test_the_help_has_the_same_options_and_says_how_it_was_called(tmp_path):
    ours, theirs = [run(which, tmp_path, ["-h"])[0] for which in ("pyinit", "genuine")]
    options = r"^-\w/--[a-z]+"
    assert re.findall(options, ours, re.MULTILINE) == re.findall(options, theirs, re.MULTILINE)
    assert re.search(r"^Usage: \S+ \[options\] \[action \[arguments\]\]$", ours, re.MULTILINE)


def test_every_command_has_help_that_begins_as_the_genuine_one_s(tmp_path):
    listing = run("genuine", tmp_path, ["help"])[0]
    commands = re.findall(r"^\w+ .*$", listing, re.MULTILINE)[1:]
    names = " ".join(commands).split()
    assert len(names) == 21
    for name in [*names, "help"]:
        helps = []
        for which in ("pyinit", "genuine"):
            words = (
                [genuine("supervisorctl")] if which == "genuine" else applet_words("supervisorctl")
            )
            done = subprocess.run(
                [*words, "help", name],
                capture_output=True,
                text=True,
                timeout=WITHIN_S,
                check=False,
                cwd=tmp_path,
            )
            helps.append([line.partition("\t")[0].strip() for line in done.stdout.splitlines()])
        assert helps[0][0] == helps[1][0], name
