"""Capture mode, strip_ansi and syslog of supervisord's files, on the real kernel."""

import os
import re
import socket
import sys

import pytest
from boxed import IS_ROOT, eventually
from conf_running import ConfBox

CONF = """
[supervisord]
childlogdir=PLACE/logs
"""
# Says what comes as its arguments, each by a write of its own, with time between them.
SAYING = """
import os, sys, time
for word in sys.argv[2:]:
    os.write(1, word.encode().decode('unicode_escape').encode('latin-1'))
    time.sleep(0.05)
os.write(1, b'end\\n')
open(sys.argv[1] + '.said', 'x').close()
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
os.write(1, b'more\\n')
time.sleep(600)
"""
BEGIN, END = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"


def saying(place, *words, more=""):
    (place / "say.py").write_text(SAYING)
    told = " ".join([f"'{word}'" for word in words])
    command = f"{sys.executable} -I -S {place}/say.py {place}/go {told}"
    return f"[program:a]\ncommand={command}\n{more}"


def test_what_is_captured_is_not_in_the_log_however_it_is_cut(tmp_path):
    words = ["one\\n", BEGIN[:7], BEGIN[7:] + "mess", "age" + END[:3], END[3:] + "two\\n"]
    text = CONF + saying(tmp_path, *words, more="stdout_capture_maxbytes=1MB\n")
    with ConfBox(tmp_path, text) as box:
        box.until_log("a", b"one\ntwo\nend\n")
        assert box.call("logs", {"names": ["a"]})["processes"][0]["text"] == "one\ntwo\nend\n"


def test_a_message_that_has_begun_is_captured_over_a_reexec(tmp_path):
    words = ["one\\n", BEGIN + "mess", END[:5]]
    text = CONF + saying(tmp_path, *words, more="stdout_capture_maxbytes=1MB\n")
    with ConfBox(tmp_path, text) as box:
        eventually((tmp_path / "go.said").exists)
        box.until_log("a", b"one\n")
        box.reexec()
        assert box.log("a") == b"one\n"  # all since BEGIN waits for END: so does "end"
        box.call("stop", {"names": ["a"]})
        box.until_log("a", b"one\nmess" + END[:5].encode() + b"end\n")


def test_sequences_are_taken_out_also_where_two_reads_and_two_pyinits_have_them_between_them(
    tmp_path,
):
    words = ["\\x1b[31mred\\x1b[0m\\n", "\\x1b[", "1mbold\\n"]
    text = CONF + "strip_ansi=true\n" + saying(tmp_path, *words)
    with ConfBox(tmp_path, text) as box:
        box.until_log("a", b"red\nbold\nend\n")
        box.reexec()
        (tmp_path / "go").touch()
        box.until_log("a", b"red\nbold\nend\nmore\n")


def test_without_strip_ansi_they_stay(tmp_path):
    with ConfBox(tmp_path, CONF + saying(tmp_path, "\\x1b[31mred\\n")) as box:
        box.until_log("a", b"\x1b[31mred\nend\n")


# Prints numbered lines in colours, with messages of capture mode within them, cut anywhere.
MIXING = """
import os, sys, time
n = 0
while not os.path.exists(sys.argv[1]):
    part = b''
    for n in range(n, n + 50):
        part += b'%07d \\x1b[1;%dm<!--XSUPERVISOR:BEGIN-->hidden %d<!--XSUPERVISOR:END-->' % (n, n, n)
        part += b'line\\x1b[0m\\n'
    n += 1
    while part:
        cut = 1 + n * 7 % 61
        os.write(1, part[:cut])
        part = part[cut:]
    time.sleep(0.001)
os.write(1, b'end\\n')
time.sleep(600)
"""


def test_no_byte_is_lost_and_no_message_leaks_however_often_pyinit_is_replaced(tmp_path):
    (tmp_path / "mix.py").write_text(MIXING)
    text = (
        CONF
        + f"strip_ansi=true\n[program:a]\ncommand={sys.executable} -I -S PLACE/mix.py PLACE/go\n"
    )
    text += "stdout_capture_maxbytes=1KB\nstdout_logfile=PLACE/a.log\nstdout_logfile_maxbytes=0\n"
    log = tmp_path / "a.log"
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "RUNNING")
        for _ in range(12):
            box.reexec()
        (tmp_path / "go").touch()
        eventually(lambda: log.read_bytes().endswith(b"end\n"))
    lines = log.read_text().splitlines()
    assert lines == [f"{n:07d} line" for n in range(len(lines) - 1)] + ["end"]
    assert len(lines) > 1000


# A mount namespace of its own, in which /dev/log is a socket of the test's.
DEVICES = """
mkdir PLACE/dev && mount --rbind /dev PLACE/dev && mount -t tmpfs none /dev || exit 77
for name in null zero full random urandom tty; do
    touch /dev/$name && mount --bind PLACE/dev/$name /dev/$name
done
ln -s /proc/self/fd /dev/fd; ln -s PLACE/log /dev/log
exec "$@"
"""


@pytest.fixture
def journal(tmp_path):
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(str(tmp_path / "log"))
    os.chmod(tmp_path / "log", 0o777)
    found.setblocking(False)
    yield found
    found.close()


def messages(journal, count):
    """Return what follows the time of so many messages."""
    found = []

    def look():
        try:
            while True:
                found.append(journal.recv(1 << 16).decode())
        except BlockingIOError:
            return len(found) >= count

    eventually(look)
    assert all(re.match(r"<14>[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d ", each) for each in found)
    return [each[4 + 16 :] for each in found]


@pytest.mark.skipif(not IS_ROOT, reason="mounts: needs root")
def test_each_line_reaches_syslog_with_the_name_of_its_process(tmp_path, journal):
    text = CONF + saying(tmp_path, "one\\ntw", "o\\n", more="stdout_syslog=true\n")
    text += "[group:g]\nprograms=b\n[program:b]\ncommand=sh -c 'echo b; exec sleep 600'\n"
    text += "stdout_logfile=NONE\nstdout_syslog=true\npriority=1\nautostart=false\n"
    inside = ("sh", "-c", DEVICES.replace("PLACE", str(tmp_path)), "sh")
    with ConfBox(tmp_path, text, inside=inside) as box:
        box.wait_state("a", "RUNNING")
        assert messages(journal, 3) == ["pyinit: a one", "pyinit: a two", "pyinit: a end"]
        box.until_log("a", b"one\ntwo\nend\n")
        box.call("start", {"names": ["g:b"]})
        assert messages(journal, 1) == ["pyinit: b b"]
        box.reexec()
        (tmp_path / "go").touch()
        assert messages(journal, 1) == ["pyinit: a more"]


def test_without_a_syslog_programs_run_and_it_is_said_once(tmp_path):
    if os.path.exists("/dev/log"):
        pytest.skip("there is a syslog here")
    text = CONF + saying(tmp_path, "one\\n", "two\\n", more="stdout_syslog=true\n")
    with ConfBox(tmp_path, text) as box:
        box.until_log("a", b"one\ntwo\nend\n")
        assert box.err.count('cannot write to "/dev/log": No such file or directory') == 1
