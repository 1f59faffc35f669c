"""Unix sockets: the right mode from the first moment, dead ones replaced and nothing else."""

import collections
import errno
import os
import resource
import socket
import stat
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from eventually import eventually

from pyinit.system import sockets

IS_ROOT = os.geteuid() == 0
KEPT = 200  # listeners open at a time, of the 1024 descriptors that there are


@pytest.fixture()
def opened():
    """Return a function that closes what it is given at the end."""
    kept = []

    def keep(each):
        kept.append(each)
        return each

    yield keep
    for each in kept:
        each.close()


def dial(path, kind=socket.SOCK_STREAM):
    connection = socket.socket(socket.AF_UNIX, kind)
    connection.connect(str(path))
    return connection


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_what_was_asked_for_whatever_the_mask(tmp_path, opened, mode):
    before = os.umask(0o077)
    try:
        opened(sockets.listen_unix(str(tmp_path / "s"), mode))
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == mode


def test_its_directory_is_made_and_its_descriptor_not_inherited(tmp_path, opened):
    listener = opened(sockets.listen_unix(str(tmp_path / "a" / "b" / "s"), 0o600))
    assert not os.get_inheritable(listener.fileno())
    assert sockets.accept(listener) is None
    client = opened(dial(tmp_path / "a" / "b" / "s"))
    connection = opened(sockets.accept(listener))
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    client.send(b"x")
    assert connection.recv(1) == b"x"


@pytest.mark.skipif(not IS_ROOT, reason="changes owners: needs root")
def test_the_owner_is_what_was_asked_for(tmp_path, opened):
    opened(sockets.listen_unix(str(tmp_path / "s"), 0o600, 12345, 23456))
    found = (tmp_path / "s").stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


@pytest.mark.parametrize("make", [sockets.listen_unix, sockets.bind_datagram])
def test_one_that_somebody_answers_is_left_alone_and_a_dead_one_replaced(tmp_path, make):
    path = str(tmp_path / "s")
    first = make(path, 0o600)
    with pytest.raises(OSError) as caught:
        make(path, 0o600)
    assert caught.value.errno == errno.EADDRINUSE
    first.close()
    make(path, 0o600).close()


@pytest.mark.parametrize("what", ["file", "directory", "link", "dangling"])
def test_what_is_no_socket_stays(tmp_path, what):
    path = tmp_path / "s"
    (tmp_path / "precious").write_text("precious")
    match what:
        case "file":
            path.write_text("precious")
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to(tmp_path / "precious")
        case _:
            path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError):
        sockets.listen_unix(str(path), 0o600)
    assert os.path.lexists(path)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("make", [sockets.listen_unix, sockets.bind_datagram])
def test_a_path_that_is_too_long_says_so(tmp_path, make):
    with pytest.raises(OSError, match="107 bytes") as caught:
        make(str(tmp_path / ("x" * 108)), 0o600)
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_datagram_comes_with_its_senders_pid(tmp_path, opened):
    receiver = opened(sockets.bind_datagram(str(tmp_path / "s"), 0o600))
    with pytest.raises(BlockingIOError):
        sockets.receive(receiver, 100)
    opened(dial(tmp_path / "s", socket.SOCK_DGRAM)).send(b"READY=1")
    assert sockets.receive(receiver, 100) == (b"READY=1", os.getpid(), ())
    child = os.fork()
    if child == 0:
        dial(tmp_path / "s", socket.SOCK_DGRAM).send(b"x" * 200)
        os._exit(0)
    os.waitpid(child, 0)
    assert sockets.receive(receiver, 100) == (b"x" * 100, child, ())


def test_the_kernel_says_who_connected(tmp_path, opened):
    listener = opened(sockets.listen_unix(str(tmp_path / "s"), 0o600))
    opened(dial(tmp_path / "s"))
    connection = opened(sockets.accept(listener))
    assert sockets.peer(connection) == (os.getpid(), os.geteuid(), os.getegid())


def test_a_client_that_hung_up_before_it_was_accepted_is_nobody_special(tmp_path, opened):
    listener = opened(sockets.listen_unix(str(tmp_path / "s"), 0o600))
    dial(tmp_path / "s").close()
    connection = opened(sockets.accept(listener))
    assert connection.recv(1) == b""
    assert sockets.accept(listener) is None


def test_a_listener_can_be_taken_over_by_its_descriptor(tmp_path, opened):
    listener = opened(sockets.listen_unix(str(tmp_path / "s"), 0o600))
    fd = os.dup(listener.fileno())
    os.set_inheritable(fd, True)
    again = opened(sockets.from_fd(fd))
    assert not os.get_inheritable(fd)
    opened(dial(tmp_path / "s"))
    assert opened(sockets.accept(again)) is not None


def test_a_datagram_may_go_to_a_name_without_a_file(opened, tmp_path):
    name = f"pyinit-test-{os.getpid()}-{tmp_path.name}"
    receiver = opened(sockets.bind_datagram(f"@{name}", 0o600))
    opened(dial(f"\0{name}", socket.SOCK_DGRAM)).send(b"x")
    assert sockets.receive(receiver, 10) == (b"x", os.getpid(), ())
    with pytest.raises(OSError):
        sockets.bind_datagram(f"@{name}", 0o600)


@pytest.mark.parametrize("credentials", [True, False], ids=["with credentials", "without"])
def test_descriptors_that_come_with_a_message_are_the_callers(tmp_path, opened, credentials):
    path = str(tmp_path / "s")
    receiver = opened(sockets.bind_datagram(path, 0o600))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, int(credentials))
    sender = opened(dial(path, socket.SOCK_DGRAM))
    before = os.listdir("/proc/self/fd")
    for _ in range(20):
        socket.send_fds(sender, [b"x"], [0, 1, 2, 0])
        message, pid, fds = sockets.receive(receiver, 100)
        assert (message, pid) == (b"x", os.getpid() if credentials else 0)
        assert len(fds) == 4
        assert not any(os.get_inheritable(fd) for fd in fds)
        for fd in fds:
            os.close(fd)
    assert os.listdir("/proc/self/fd") == before


def test_of_very_many_descriptors_none_is_left_to_the_kernel_to_close(tmp_path, opened):
    path = str(tmp_path / "s")
    receiver = opened(sockets.bind_datagram(path, 0o600))
    before = os.listdir("/proc/self/fd")
    sender = opened(dial(path, socket.SOCK_DGRAM))
    socket.send_fds(sender, [b"x"], [0] * sockets.FDS_A_MESSAGE)
    with pytest.raises(OSError):
        socket.send_fds(sender, [b"x"], [0] * (sockets.FDS_A_MESSAGE + 1))
    _, _, fds = sockets.receive(receiver, 100)
    assert len(fds) == sockets.FDS_A_MESSAGE
    for fd in fds:
        os.close(fd)
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 1


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("count", [20, 4], ids=["none is left", "hardly any"])
def test_what_there_is_no_room_for_stays_where_it_is(kind, count, opened):
    ours, theirs = (opened(each) for each in socket.socketpair(socket.AF_UNIX, kind))
    socket.send_fds(theirs, [b"x"], [0] * count)
    before = os.listdir("/proc/self/fd")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(ours.fileno())
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 10, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            sockets.take(ours, 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert os.listdir("/proc/self/fd") == before
    data, fds = sockets.take(ours, 100)
    assert (data, len(fds)) == (b"x", count)
    for fd in fds:
        os.close(fd)


def test_no_socket_of_others_is_given_away_by_a_hard_link_to_it(tmp_path, opened):
    opened(sockets.listen_unix(str(tmp_path / "roots"), 0o600))
    os.link(tmp_path / "roots", tmp_path / "s")
    with pytest.raises(FileExistsError, match="hard link"):
        sockets.dress_unix(str(tmp_path / "s"), 0o666, os.getuid(), os.getgid())
    assert stat.S_IMODE(os.stat(tmp_path / "roots").st_mode) == 0o600


def test_a_socket_that_is_there_gets_its_mode_and_its_owner(tmp_path, opened):
    path = str(tmp_path / "s")
    opened(sockets.listen_unix(path, 0o600))
    sockets.dress_unix(path, 0o666, os.getuid(), os.getgid())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    if IS_ROOT:
        sockets.dress_unix(path, 0o600, 12345, None)
        assert os.stat(path).st_uid == 12345


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_took_the_place_of_a_socket_keeps_its_mode(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    path = secret
    if kind == "link":
        path = tmp_path / "s"
        path.symlink_to(secret)
    with pytest.raises(FileExistsError):
        sockets.dress_unix(str(path), 0o666, os.getuid(), os.getgid())
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_who_sees_a_socket_is_not_refused(tmp_path):
    path = str(tmp_path / "s")
    outcomes, kept = [], collections.deque()
    over = threading.Event()

    def knock():
        while not over.is_set():
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)  # a full queue is told of, not waited for
                outcomes.append(client.connect_ex(path))

    def close_first():
        """Close one that nobody is on the way to any more, who saw it before it was unlinked."""
        count, listener = kept.popleft()
        eventually(lambda: len(outcomes) > count + 1, 60, 0.001)
        listener.close()

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        for _ in range(2000):
            listener = sockets.listen_unix(path, 0o600)
            os.unlink(path)
            kept.append((len(outcomes), listener))
            if len(kept) > KEPT:
                close_first()
        while kept:
            close_first()
    finally:
        over.set()
        knocking.join(60)
        for _, listener in kept:
            listener.close()
    assert errno.ECONNREFUSED not in outcomes
    assert 0 in outcomes
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_of_one_that_cannot_have_its_name(tmp_path, opened):
    opened(sockets.listen_unix(str(tmp_path / "s"), 0o600))
    for name in ("s", "d"):
        (tmp_path / "d").mkdir(exist_ok=True)
        with pytest.raises(OSError):
            sockets.listen_unix(str(tmp_path / name), 0o600)
    assert sorted(os.listdir(tmp_path)) == ["d", "s"]


def test_a_name_that_has_no_room_for_another_one_beside_it_is_made_in_place(tmp_path, opened):
    path = str(tmp_path) + "/"
    path += "x" * (sockets.LONGEST_PATH - len(path))
    opened(sockets.listen_unix(path, 0o640))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    with pytest.raises(OSError) as caught:
        sockets.listen_unix(path, 0o640)
    assert caught.value.errno == errno.EADDRINUSE


def test_a_socket_that_is_as_it_should_be_is_not_touched(tmp_path, opened):
    path = tmp_path / "s"
    opened(sockets.listen_unix(str(path), 0o640))
    before = path.stat().st_ctime_ns
    sockets.dress_unix(str(path), 0o640, os.geteuid(), os.getegid())
    assert path.stat().st_ctime_ns == before


@pytest.mark.skipif(not IS_ROOT, reason="gives files away: needs root")
def test_what_was_put_in_the_place_of_a_new_socket_is_not_given_away(tmp_path, monkeypatch):
    """The owner of the directory is quick: between the bind and the change of owner."""
    precious = tmp_path / "precious"
    precious.touch()
    look = os.stat

    def look_and_swap(path, **more):
        for aside in tmp_path.glob("s.*") if path == "/proc/self" else ():
            aside.unlink()
            os.link(precious, aside)
        return look(path, **more)

    monkeypatch.setattr("posix.stat", look_and_swap)
    with pytest.raises(FileExistsError):
        sockets.listen_unix(str(tmp_path / "s"), 0o600, 12345, 12345)
    assert precious.stat().st_uid == 0
