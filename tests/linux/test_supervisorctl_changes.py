"""Files that change, under the genuine supervisorctl and ours: reread, update, add, remove."""

import re

import pytest
from supervised import Side, base, program

BEFORE = (
    base()
    + program("stays", "sleep 100")
    + program("other", "sleep 100")
    + program("goes", "sleep 100")
    + program("a", "sleep 100", autostart="false")
    + program("b", "sleep 100")
    + "[group:ab]\nprograms=a,b\n"
)
AFTER = (
    base()
    + program("stays", "sleep 100")
    + program("other", "sleep 101")
    + program("comes", "sleep 100")
    + program("a", "sleep 100", autostart="false")
    + program("b", "sleep 100", priority="5")
    + "[group:ab]\nprograms=a,b\n"
)
PAIRS = (("genuine", "genuine"), ("pyinit", "genuine"), ("pyinit", "pyinit"))
LATER = "\n".join([BEFORE, program("late", "sleep 100", autostart="false")])
UP = re.compile(r"STARTING  $|RUNNING   pid N, uptime \d:\d\d:\d\d$", re.MULTILINE)
BROKEN = BEFORE.replace("sleep 100", "sleep 100\nautorestart=perhaps", 1)


def said(lines, before=BEFORE, after=AFTER):
    """Return what each pair says to the lines, one after another, once the file has changed."""
    found = []
    for client, server in PAIRS:
        with Side(server, before) as side:
            side.wait_state("stays", "RUNNING")
            side.wait_state("ab:b", "RUNNING")
            side.conf.write_text(after)
            rows = []
            for line in lines:
                done = side.ctl(*line.split(), which=client)
                rows.append((line, UP.sub("UP", side.plainly(done.stdout)), done.returncode))
            found.append(rows)
    theirs, crossed, ours = found
    assert crossed == theirs
    assert ours == theirs
    return {line: text for line, text, _code in theirs}


def test_reread_tells_what_differs_and_update_puts_it_in_force():
    found = said(["reread", "status", "reread", "update", "status", "reread", "update"])
    assert found["reread"] == "No config updates to processes\n"


def test_reread_names_every_group_that_differs():
    found = said(["reread"])
    assert found["reread"] == "ab: changed\ncomes: available\ngoes: disappeared\nother: changed\n"


@pytest.mark.parametrize(
    "line", ["update comes", "update goes", "update other stays", "update ab nope", "update all"]
)
def test_update_of_some_groups_leaves_the_others(line):
    said([line, "reread", "status"])


def test_groups_are_added_and_removed_by_hand():
    lines = ["add comes", "reread", "add comes", "add comes", "status comes", "remove goes"]
    lines += ["stop goes", "remove goes", "remove goes", "status", "add goes", "remove comes stays"]
    said(lines)


def test_what_was_removed_can_come_back():
    said(["reread", "stop goes", "remove goes", "avail", "update", "avail"])


def test_a_new_group_that_does_not_start_by_itself_waits():
    found = said(["avail", "update", "status late", "start late", "status late"], after=LATER)
    assert found["update"] == "late: added process group\n"


def test_a_file_that_is_broken_changes_nothing():
    """What is wrong is told by each in words of its own."""
    found = []
    for client, server in PAIRS:
        with Side(server, BEFORE) as side:
            side.wait_state("stays", "RUNNING")
            side.conf.write_text(BROKEN)
            rows = []
            for line in ("reread", "update", "status stays"):
                done = side.ctl(line.split()[0], *line.split()[1:], which=client)
                begin = re.match(
                    r"ERROR: CANT_REREAD: |error: <class '[\w.]+'>, <Fault 92: |\w*", done.stdout
                )
                rows.append((begin[0], done.returncode))
            found.append(rows)
    assert found[1:] == found[:1] * 2
