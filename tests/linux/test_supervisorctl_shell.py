"""supervisorctl with somebody at the keyboard: the same keys for the genuine one and ours."""

import os
import re
import select
import subprocess
import time

import pytest
from boxed import WITHIN_S, eventually, stat_fields
from supervised import Side, applet_words, base, genuine, program

PROMPT = b"supervisor> "
CTRL_C, CTRL_D, TAB = b"\x03", b"\x04", b"\t"
CONF = (
    base()
    + program("cat", "sh -c 'echo hello; exec cat'", stdout_logfile="%(here)s/cat.log")
    + program("off", "sleep 100", autostart="false")
    + program("two", "sleep 100", numprocs="2", process_name="%(program_name)s_%(process_num)d")
)
LOCKED = "username=me\npassword=secret"
PAIRS = (("genuine", "genuine"), ("pyinit", "genuine"), ("pyinit", "pyinit"))


class Keyboard:
    """A supervisorctl on a terminal."""

    def __init__(self, side, client, *words):
        name = [genuine("supervisorctl")] if client == "genuine" else applet_words("supervisorctl")
        env = {"PATH": os.environ["PATH"], "TERM": "dumb", "PYINIT_SOCKET": side.control}
        self.side, self.data, self.seen = side, b"", 0
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *name, "-c", str(side.conf), *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN_S)
        os.close(self.master)

    def read(self, until_s):
        """Read what there is; return whether there may be more."""
        left_s = until_s - time.monotonic()
        assert left_s > 0, self.data
        if not select.select([self.master], [], [], min(left_s, 0.5))[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.data += data
        return bool(data)

    def until(self, text=PROMPT):
        """Wait for a text behind what was waited for before."""
        until_s = time.monotonic() + WITHIN_S
        while text not in self.data[self.seen :]:
            assert self.read(until_s), self.data
        self.seen = self.data.index(text, self.seen) + len(text)
        return self

    def type(self, data):
        """Press keys; Ctrl-C once it is awaited, not between the prompt and the wait for keys."""
        if data == CTRL_C:
            eventually(lambda: stat_fields(self.process.pid)[0] == "S")
        os.write(self.master, data)
        return self

    def quit_after_fg(self):
        """Quit, and wait as `wait` does.

        The genuine one has a thread that listens to where fg has hung up, and waits for it at its
        end: half a minute, unless something comes there.
        """
        self.type(b"quit\n")
        return self.wait(self.side.place / "cat.log")

    def wait(self, log=None):
        """Return (transcript, exit status) once it is over; a line a look is written to `log`."""
        until_s = time.monotonic() + WITHIN_S
        while self.read(until_s):
            if log:
                with log.open("a") as written:
                    written.write("something new\n")
        text = self.side.plainly(self.data.decode().replace("\r\n", "\n")).replace("^C", "")
        text = re.sub(r"uptime \d+:\d\d:\d\d", "uptime T", text)
        text = re.sub(r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", text)
        text = re.sub(r"^\d+$", "PID", text, flags=re.MULTILINE)
        return text, self.process.wait(WITHIN_S)


EVERY_PAIR = (*PAIRS, ("genuine", "pyinit"))


def same(script, conf=CONF):
    """Run `script(keyboard)` for each pair of client and server; return what all of them give."""
    found = []
    for client, server in EVERY_PAIR:
        with Side(server, conf) as side:
            for name in ("cat", "two:two_0", "two:two_1"):
                side.wait_state(name, "RUNNING")
            with Keyboard(side, client) as keyboard:
                found.append(script(keyboard))
    assert found[1:] == found[:1] * (len(found) - 1)
    return found[0]


def test_a_session_begins_with_the_states_and_goes_on_until_quit():
    def script(keyboard):
        keyboard.until()
        for line in (b"pid cat", b"", b"  ", b"frobnicate", b"status off", b"stop off", b"help"):
            keyboard.type(line + b"\n").until()
        return keyboard.type(b"quit\n").wait()

    text, code = same(script)
    assert code == 0
    assert text.startswith("cat                              RUNNING   pid N, uptime T\noff ")
    assert "*** Unknown syntax: frobnicate\n" in text
    assert "clear  maintail  quit  reread  signal    stop    version\n" in text


@pytest.mark.parametrize("keys", [CTRL_D, CTRL_C, b"exit\n", b"EOF\n"])
def test_a_session_ends_with_status_0(keys):
    _text, code = same(lambda keyboard: keyboard.until().type(keys).wait())
    assert code == 0


def test_lines_are_read_from_a_pipe_too():
    found = []
    for client, server in PAIRS:
        with Side(server, CONF) as side:
            side.wait_state("cat", "RUNNING")
            done = side.ctl(which=client, input="version\nfrobnicate\npid off")
            found.append((done.stdout.partition("supervisor> ")[2], done.returncode))
    assert found[1:] == found[:1] * 2
    assert found[0][0] == (
        "4.3.0\nsupervisor> *** Unknown syntax: frobnicate\nsupervisor> 0\nsupervisor> \n"
    )


@pytest.mark.parametrize("line", [b"shutdown", b"reload"])
def test_what_hurts_is_asked_back(line):
    def script(keyboard):
        keyboard.until().type(line + b"\n").until(b"y/N? ").type(b"n\n").until()
        keyboard.type(b"pid cat\n").until()
        keyboard.type(line + b"\n").until(b"y/N? ").type(b"Yes\n").until()
        return keyboard.type(b"quit\n").wait()

    text, _code = same(script)
    assert text.count("Shut down\n") + text.count("Restarted supervisord\n") == 1


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (b"ver" + TAB, b"version "),
        (b"st" + TAB + TAB, b"start    status   stop"),
        (b"status o" + TAB, b"status off "),
        (b"status t" + TAB, b"wo:"),
        (b"status two:" + TAB + TAB, b"two:two_0"),
        (b"add tw" + TAB, b"add two "),
        (b"help upd" + TAB, b"help update "),
        (b"tail of" + TAB, b"tail off "),
    ],
)
def test_tab_completes_what_is_typed(typed, offered):
    def script(keyboard):
        keyboard.until().type(typed).until(offered)
        keyboard.type(CTRL_C)
        return keyboard.data[: keyboard.seen].replace(b"\x07", b"").rpartition(PROMPT)[2]

    assert offered in same(script)


def test_what_was_typed_is_remembered(tmp_path):
    history = tmp_path / "history"
    conf = CONF.replace("[supervisorctl]", f"[supervisorctl]\nhistory_file={history}")
    found = []
    for client in ("genuine", "pyinit"):
        history.unlink(missing_ok=True)
        with Side("genuine", conf) as side:
            for line in (b"pid\n", b"status cat\n"):
                with Keyboard(side, client) as keyboard:
                    keyboard.until().type(line).until().type(b"\x1b[A\n").until()
                    keyboard.type(b"quit\n").wait()
        found.append(history.read_text())
    assert found[0] == found[1]
    assert "pid\n" in found[0]
    assert "status cat\n" in found[0]


def test_the_prompt_is_the_files():
    conf = CONF.replace("[supervisorctl]", "[supervisorctl]\nprompt=boss of %(ENV_TERM)s")
    text, _code = same(
        lambda keyboard: keyboard.until(b"boss of dumb> ").type(b"quit\n").wait(), conf=conf
    )
    assert "boss of dumb> quit\n" in text


def test_fg_shows_what_comes_and_sends_what_is_typed():
    def script(keyboard):
        keyboard.until().type(b"fg cat\n").until(b"<==").until(b"hello")
        keyboard.type(b"how are you\n").until(b"how are you").until(b"how are you")
        keyboard.type(CTRL_C).until(b"Exiting foreground").until()
        return keyboard.quit_after_fg()

    text, code = same(script)
    assert code == 0
    assert "==> Press Ctrl-C to exit <==\n" in text


def test_fg_ends_with_the_program():
    def script(keyboard):
        keyboard.until().type(b"fg cat\n").until(b"hello")
        keyboard.side.kill("cat")
        keyboard.side.wait_state("cat", "STARTING", "BACKOFF", "EXITED", "STOPPED")
        keyboard.type(b"anybody there\n").until(b"Exiting foreground").until()
        return keyboard.quit_after_fg()[1]

    slow = CONF.replace("[program:cat]", "[program:cat]\nautorestart=false")
    assert same(script, conf=slow) == 0


@pytest.mark.parametrize("words", [("tail", "-f", "cat"), ("maintail", "-f")])
def test_a_log_is_followed_until_ctrl_c(words):
    found = []
    for client, server in EVERY_PAIR:
        with Side(server, CONF) as side:
            side.wait_state("cat", "RUNNING")
            with Keyboard(side, client, *words) as keyboard:
                keyboard.until(b"==> Press Ctrl-C to exit <==\r\n")
                keyboard.until(b"hello" if "cat" in words else b"entered RUNNING state")
                side.ctl("restart", "cat")
                keyboard.until(b"hello" if "cat" in words else b"entered RUNNING state")
                found.append(keyboard.type(CTRL_C).wait()[1])
    assert found == [0, 0, 0, 0]


def test_a_password_is_asked_for_where_one_is_needed():
    conf = base(unix=LOCKED) + program("cat", "cat")
    found = []
    for client in ("genuine", "pyinit"):
        with Side("genuine", conf, wait=False) as side:
            eventually(lambda: os.path.exists(side.socket))
            with Keyboard(side, client) as keyboard:
                keyboard.until(b"Username:").type(b"me\n").until(b"Password:").type(b"wrong\n")
                keyboard.until(b"Username:").type(b"me\n").until(b"Password:").type(b"secret\n")
                keyboard.until().type(b"version\n").until()
                found.append(keyboard.type(b"quit\n").wait())
            for words in (["status"], ["-u", "me", "-p", "wrong", "pid"]):
                done = side.ctl(*words, which=client)
                said = done.stdout.splitlines()  # the genuine one tries again, and fails again
                assert (said[0], done.returncode) == ("Server requires authentication", 1)
                assert len(said) == (2 if client == "genuine" else 1)
            done = side.ctl("-u", "me", "-p", "secret", "version", which=client)
            assert (done.stdout, done.returncode) == ("4.3.0\n", 0)
    assert found[0] == found[1]
