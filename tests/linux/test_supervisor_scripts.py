"""The smaller commands of supervisord's package: pidproxy and echo_supervisord_conf."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from boxed import ROOT, WITHIN_S, eventually
from supervised import SIDES, Side, applet_words, genuine, program

DAEMON = """\
import os, signal, sys, time
name = sys.argv[1]
for number in (1, 2, 3, 10, 12, 15):
    signal.signal(number, lambda number, _: open(name + ".got", "a").write(f"{number} "))
with open(name + ".new", "w") as file:
    file.write(f"{os.getpid()}\\n")
os.rename(name + ".new", name)
while True:
    time.sleep(100)
"""


def words_of(name, which):
    return applet_words(name) if which == "pyinit" else [genuine(name)]


class Proxy:
    """A pidproxy, its command, and the process in its pidfile."""

    def __init__(self, which, place):
        self.pidfile = place / "pid"
        self.got = place / "pid.got"
        python = genuine("python")
        daemon = [python, "-c", DAEMON, str(self.pidfile)]
        self.daemon = subprocess.Popen(daemon, start_new_session=True)
        command = [*words_of("pidproxy", which), str(self.pidfile), "/bin/sleep", "100"]
        self.process = subprocess.Popen(command, start_new_session=True)
        eventually(self.pidfile.exists)
        eventually(self.children)

    def children(self):
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [
            pid for pid in path.read_text().split()
            if Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
        ]  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.daemon, self.process):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                process.kill()
            process.wait(WITHIN_S)


@pytest.mark.parametrize("which", SIDES)
def test_signals_go_to_the_process_in_the_pidfile(which, tmp_path):
    got = []
    with Proxy(which, tmp_path) as proxy:
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            proxy.process.send_signal(number)
            got.append(f"{number:d} ")
            eventually(lambda: proxy.got.exists() and proxy.got.read_text() == "".join(got))
        assert proxy.process.poll() is None
    assert got == ["1 ", "10 ", "12 "]


@pytest.mark.parametrize("which", SIDES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_that_means_the_end_is_its_end_too(which, number, tmp_path):
    with Proxy(which, tmp_path) as proxy:
        proxy.process.send_signal(number)
        assert proxy.process.wait(WITHIN_S) == 0
        eventually(proxy.got.exists)
        eventually(lambda: proxy.got.read_text() == f"{number:d} ")


@pytest.mark.parametrize("which", SIDES)
def test_it_ends_with_its_command(which, tmp_path):
    done = subprocess.run(
        [*words_of("pidproxy", which), str(tmp_path / "pid"), "/bin/false"],
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.parametrize("which", SIDES)
def test_without_a_command_it_tells_its_usage(which):
    done = subprocess.run(
        [*words_of("pidproxy", which), "pid"],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 1
    assert "<pidfile name> <command> [<cmdarg1> ...]" in done.stdout


@pytest.mark.parametrize("which", SIDES)
def test_the_sample_is_a_configuration_that_both_understand(which):
    done = subprocess.run(
        applet_words("echo_supervisord_conf"),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=True,
    )
    here = done.stdout.replace("/tmp/supervisord.log", "%(here)s/sup.log").replace(
        "/tmp/", "%(here)s/"
    )
    here = here.replace("supervisor.sock", "sup.sock")
    with Side(which, here + program("cat", "cat")) as side:
        side.wait_state("cat", "RUNNING")
        assert side.ctl("version").stdout == "4.3.0\n"
        assert "success: cat entered RUNNING state" in side.log
        assert "sup.conf:" not in side.log  # as every complaint about it begins


def test_every_line_of_the_sample_that_is_commented_out_can_be_used(tmp_path):
    sample = subprocess.run(
        applet_words("echo_supervisord_conf"),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=True,
    ).stdout
    conf = tmp_path / "full.conf"
    conf.write_text(re.sub(r"^;(?=[a-z\[])", "", sample, flags=re.MULTILINE))
    done = subprocess.run(
        [sys.executable, "-m", "pyinit.cli.init", "--check", "-c", str(conf)],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (0, "ok: 3 programs in 1 file\n"), done.stderr
    assert "full.conf:" not in done.stderr
