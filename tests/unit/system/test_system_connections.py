"""Who is connected to a listener, as the kernel's own lists tell."""

import os
import socket

import pytest

from pyinit.system import connections, sockets


@pytest.fixture
def tcp():
    listener = sockets.listen_at("tcp:127.0.0.1:0")
    yield listener
    listener.close()


def age(listener):
    return connections.ages({"here": listener})["here"]


def connected(listener):
    """Return both ends of a connection to a listener."""
    client = socket.socket(listener.family)
    client.connect(listener.getsockname())
    fd, _ = listener._accept()
    return client, socket.socket(fileno=fd)


def test_nobody_was_ever_connected_to_a_new_listener(tcp):
    assert age(tcp) == connections.NEVER


def test_a_connection_is_use_as_long_as_it_is_open(tcp):
    client, server = connected(tcp)
    with client, server:
        assert age(tcp) == 0.0


def test_a_connection_that_nobody_has_accepted_yet_is_use_too(tcp):
    with socket.create_connection(tcp.getsockname()):
        assert age(tcp) == 0.0


@pytest.mark.parametrize("first", [0, 1])
def test_a_connection_that_is_over_is_known_by_how_long_ago(tcp, first):
    ends = connected(tcp)
    ends[first].close()
    ends[1 - first].close()
    assert 0.0 <= age(tcp) < 30.0


def test_the_connections_of_other_ports_are_none_of_its(tcp):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()),
    ):
        assert age(tcp) == connections.NEVER


def test_the_same_port_of_another_address_is_another_listener(tcp):
    port = tcp.getsockname()[1]
    with (
        socket.create_server(("127.0.0.2", port)) as other,
        socket.create_connection(other.getsockname()),
    ):
        assert age(tcp) == connections.NEVER


def test_a_listener_at_every_address_is_used_by_whoever_comes_there():
    every = sockets.listen_at("tcp::0")
    try:
        with socket.create_connection(("127.0.0.1", every.getsockname()[1])):
            assert age(every) == 0.0
    finally:
        every.close()


def test_a_listener_of_ipv6_has_its_connections_too():
    try:
        listener = sockets.listen_at("tcp:[::1]:0")
    except OSError:
        pytest.skip("there is no IPv6 here")
    try:
        assert age(listener) == connections.NEVER
        with socket.create_connection(listener.getsockname()[:2]):
            assert age(listener) == 0.0
    finally:
        listener.close()


def test_a_client_of_a_unix_socket_is_use(tmp_path):
    listener = sockets.listen_unix(str(tmp_path / "with blank" / "app.sock"), 0o600)
    try:
        assert age(listener) == connections.NEVER
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "with blank" / "app.sock"))
            assert age(listener) == 0.0
            fd, _ = listener._accept()
            with socket.socket(fileno=fd):
                assert age(listener) == 0.0
        assert os.path.exists(tmp_path / "with blank" / "app.sock")
    finally:
        listener.close()


def test_several_listeners_are_looked_up_at_once(tcp, tmp_path):
    unix = sockets.listen_unix(str(tmp_path / "app.sock"), 0o600)
    try:
        with socket.create_connection(tcp.getsockname()):
            found = connections.ages({"tcp": tcp, "unix": unix})
        assert found == {"tcp": 0.0, "unix": connections.NEVER}
    finally:
        unix.close()


def test_a_list_that_is_too_long_means_that_somebody_is_there(tcp, monkeypatch):
    monkeypatch.setattr(connections, "MOST_BYTES", 10)
    assert age(tcp) == 0.0


def test_what_is_not_there_lists_nobody(tcp, monkeypatch):
    monkeypatch.setattr(connections, "TCP6", "/proc/net/no-such-list")
    assert age(tcp) == connections.NEVER
