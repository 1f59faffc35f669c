"""Descriptors that somebody sends to PID 1, whose last close(2) would take as long as they like."""

import fcntl
import os
import socket
import struct
import termios
import threading
import time

import pytest
from boxed import ORDINARY, Box, acting_as, eventually, needs_root, program, python
from notifying import TELL, speaker

from pyinit.client import Client

LINGER_S = 60
ANSWER_S = 30  # of a PID 1 that is not held up, on a busy machine
MANY = 60  # with one message
OFTEN = 40  # more than are closed by one child after another in a moment
UP = 'tell("READY=1")\nwait()'
# As `Lingering` below, for a program.
LINGERING = f"""
import struct
server = socket.create_server(("127.0.0.1", 0))
ours = socket.create_connection(server.getsockname())
theirs, _ = server.accept()
ours.setblocking(False)
try:
    while True:
        ours.send(bytes(65536))
except BlockingIOError:
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, {LINGER_S}))
"""
STORE = f"""{LINGERING}
tell("FDSTORE=1\\nFDNAME=long", ours.fileno())
ours.close()
tell("FDSTOREREMOVE=1\\nFDNAME=long")
tell("READY=1")
wait()
"""
ANSWERING = f"""{LINGERING}
served = socket.socket(socket.AF_UNIX)
served.bind(os.environ["PLACE"])
served.listen()
child = os.fork()
if child == 0:  # by its end it is not held up itself
    one, _ = served.accept()
    if os.environ["LATE"]:
        one.sendall(b"HTTP/1.1 200 OK\\r\\n")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ours.fileno()]))]
    try:
        one.sendmsg([b"HTTP/1.1 200 OK\\r\\n"], rights)
    finally:  # it may be content already
        os._exit(0)
ours.close()
os.waitpid(child, 0)
say("sent")
wait()
"""


class Lingering:
    """A connection whose last close waits for an end that reads nothing."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.ours = socket.create_connection(server.getsockname())
            self.theirs, _ = server.accept()
        self.ours.setblocking(False)
        try:
            while True:
                self.ours.send(bytes(65536))
        except BlockingIOError:
            linger = struct.pack("ii", 1, LINGER_S)
            self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.theirs.close()  # resets it: whoever waits in a close is let go
        self.ours.close()

    def send(self, to, how, data=b"X=1"):
        """Send it, and close every copy that is ours: by a child, whose end waits for nothing."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(writer)
                os.read(reader, 1)
                self._send(to, how, data)
                code = 0
            finally:
                os._exit(code)
        self.ours.close()
        os.close(writer)
        os.close(reader)
        assert os.waitpid(child, 0)[1] == 0

    def _send(self, to, how, data):
        null = os.open("/dev/null", os.O_RDONLY)
        one, other = socket.socketpair()
        match how:
            case "alone":
                fds = [self.ours.fileno()]
            case "the last of many":
                fds = [*[null] * 252, self.ours.fileno()]
            case "in a queue":
                socket.send_fds(one, [b"x"], [self.ours.fileno()])
                fds = [other.fileno()]
        socket.send_fds(to, [data], fds)


def at_work(box):
    """Say that PID 1 answers in time, whatever it was sent."""
    began = time.monotonic()
    assert box.call("status", answer_s=ANSWER_S)["processes"]
    assert time.monotonic() - began < ANSWER_S
    return True


def open_in(box):
    """Return how many descriptors PID 1 has."""
    return len(os.listdir(f"/proc/{box.pid}/fd"))


@pytest.mark.parametrize("how", ["alone", "the last of many", "in a queue"])
def test_a_descriptor_that_takes_long_to_close_holds_up_nobody(how):
    """Everybody may send to the notify socket."""
    with Box(speaker(UP)) as box, Lingering() as long:
        box.wait_state("web", "RUNNING")
        before = open_in(box)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(box.place / "control-notify.sock"))
            long.send(sender, how)
        assert at_work(box)
        eventually(lambda: open_in(box) <= before + 1)
        eventually(lambda: len(box.processes()) == 2)


def test_nor_does_one_that_was_stored_and_taken_back():
    with Box(speaker(STORE)) as box:
        box.wait_state("web", "RUNNING")
        assert at_work(box)
        eventually(lambda: "stored_fds" not in box.status()["web"])


@pytest.mark.parametrize("how", ["alone", "the last of many", "in a queue"])
def test_nor_does_one_that_comes_with_a_request(how):
    with Box(speaker(UP)) as box, Lingering() as long:
        box.wait_state("web", "RUNNING")
        with Client(box.socket) as client:
            assert client.call("status")
            before = open_in(box)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(box.socket)
            long.send(client, how, b'{"id": 1, "verb": "status"}\n')
            client.settimeout(ANSWER_S)
            assert b'"id":1' in client.recv(65536).replace(b" ", b"")
        assert at_work(box)
        eventually(lambda: open_in(box) <= before)


@needs_root
def test_nor_does_one_of_somebody_who_is_turned_away():
    """What he has sent is not even read."""
    with Box('[init.control]\nmode = "0666"\n' + speaker(UP)) as box:
        box.wait_state("web", "RUNNING")
        box.place.chmod(0o755)
        box.send("STOP")  # all of it is there when pyinit looks
        with Lingering() as long:
            with acting_as(ORDINARY), socket.socket(socket.AF_UNIX) as client:
                client.connect(box.socket)
                long.send(client, "alone", b"hello")
            box.send("CONT")
            assert at_work(box)
        box.until(f"denied to uid {ORDINARY}")


def test_a_crowd_of_them_is_closed_by_few_children():
    with Box(speaker(UP)) as box:
        box.wait_state("web", "RUNNING")
        before = open_in(box)
        made = [Lingering() for _ in range(OFTEN)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(box.place / "control-notify.sock"))
            for each in made:
                each.send(sender, "alone")
        assert at_work(box)
        eventually(lambda: open_in(box) <= before + 1)
        for each in made:
            each.theirs.close()


@pytest.mark.parametrize("late", ["", "yes"])
def test_nor_does_one_that_comes_with_the_answer_to_a_probe(late, tmp_path):
    place = tmp_path / "asked.sock"
    asked = {"ready": {"http": f"unix:{place}:/up"}, "env": {"PLACE": str(place), "LATE": late}}
    with Box(program("web", *python(TELL + ANSWERING), **asked)) as box:
        box.until("sent", out=True)
        assert at_work(box)
        box.wait_state("web", "RUNNING")


def test_nor_does_one_in_the_queue_of_a_socket_that_is_closed(tmp_path):
    """Nobody accepts there; its last run ends."""
    place = tmp_path / "app.sock"
    text = f"[supervisord]\nnodaemon=true\n[fcgi-program:web]\nsocket=unix://{place}\n"
    (tmp_path / "one.conf").write_text(f"{text}command=sleep 600\nprocess_name=web\n")
    with Box(options=("-c", str(tmp_path / "one.conf"))) as box, Lingering() as long:
        box.wait_state("web", "RUNNING")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(place))
            long.send(client, "alone")
        box.call("stop", {"names": ["web"]})
        assert at_work(box)
        assert not place.exists()


@pytest.mark.parametrize("most", [64, 256])
def test_nor_do_those_that_pyinit_has_no_room_for(most):
    """A child takes them; whoever speaks after that is heard."""
    inside = ("prlimit", f"--nofile={most}:{most}")
    with Box(speaker(UP), inside=inside) as box, Lingering() as long, Lingering() as another:
        first = box.wait_state("web", "RUNNING")["pid"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(box.place / "control-notify.sock"))
            long.send(sender, "the last of many")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(box.socket)
            another.send(client, "the last of many")
        assert at_work(box)
        box.until("cannot take the descriptors")
        box.call("restart", {"names": ["web"]})
        assert box.wait_state("web", "RUNNING")["pid"] != first


def begins_anew(box):
    """Have pyinit begin anew, and see that nothing holds it up."""
    before = box.status()["web"]["pid"]
    box.call("restart-all")
    eventually(lambda: at_work(box) and box.wait_state("web", "RUNNING")["pid"] != before)


def unread(client):
    """Return how much of what a client has sent lies there still."""
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0]


def test_nor_does_one_that_waits_when_pyinit_begins_anew():
    """Nobody reads the requests of a client that takes no replies."""
    with Box(program("web", "sleep", "600")) as box, Lingering() as long:
        box.wait_state("web", "RUNNING")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(box.socket)
            client.sendall(b'{"id": 1, "verb": "status"}\n' * 4000)
            eventually(lambda: unread(client) == (at_work(box) and unread(client)) > 0)
            long.send(client, "alone")
            begins_anew(box)
            client.settimeout(ANSWER_S)
            with pytest.raises(ConnectionResetError):  # nobody has it any more
                while client.recv(1 << 20):
                    pass


def test_nor_does_one_in_the_queue_of_a_socket_that_the_next_pyinit_does_not_want(tmp_path):
    place = tmp_path / "app.sock"
    text = program("web", "sleep", "600")
    with Box(f'[socket.app]\nlisten = "unix:{place}"\n{text}') as box, Lingering() as long:
        box.wait_state("web", "RUNNING")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(place))
            long.send(client, "alone")
        box.config.write_text(text)
        begins_anew(box)
        assert not place.exists()


@needs_root
def test_those_that_are_still_to_be_closed_are_gone_after_a_re_exec():
    """The close of a packet socket takes a while, so there is always one."""
    with Box(speaker(UP)) as box:
        box.wait_state("web", "RUNNING")
        before = open_in(box)
        done = threading.Event()

        def send():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(str(box.place / "control-notify.sock"))
                while not done.is_set():
                    made = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(MANY)]
                    socket.send_fds(sender, [b"X=1"], [each.fileno() for each in made])
                    for each in made:
                        each.close()

        sending = threading.Thread(target=send)
        sending.start()
        try:
            box.call("reexec", answer_s=ANSWER_S)
        finally:
            done.set()
            sending.join()
        eventually(lambda: open_in(box) <= before + 1)
