"""Where the control socket is."""

from pyinit.protocol.places import (
    LONGEST_PATH,
    chosen_place,
    is_shared,
    places_to_listen,
    socket_places,
)


def test_places_are_tried_in_the_order_of_the_contract():
    assert socket_places({b"XDG_RUNTIME_DIR": b"/run/user/5"}, 5) == (
        "/run/pyinit/control.sock",
        "/run/user/5/pyinit/control.sock",
        "/tmp/pyinit-5/control.sock",
        "/dev/shm/pyinit-5/control.sock",
    )
    assert socket_places({b"XDG_RUNTIME_DIR": b""}, 0) == (
        "/run/pyinit/control.sock",
        "/tmp/pyinit-0/control.sock",
        "/dev/shm/pyinit-0/control.sock",
    )


def test_the_environment_may_choose_another():
    assert chosen_place({b"PYINIT_SOCKET": b"/x/\xff"}) == "/x/\udcff"
    assert chosen_place({b"PYINIT_SOCKET": b""}) is None
    assert chosen_place({}) is None


def test_a_pyinit_listens_where_its_environment_says():
    assert places_to_listen({b"PYINIT_SOCKET": b"/x"}, 5) == ("/x",)
    assert places_to_listen({}, 5) == socket_places({}, 5)


def test_the_socket_that_a_program_inherits_is_not_its_own():
    inherited = {b"PYINIT_PROGRAM": b"web", b"PYINIT_SOCKET": b"/run/pyinit/control.sock"}
    assert places_to_listen(inherited, 5) == socket_places({}, 5)[1:]
    inherited[b"PYINIT_SOCKET"] = b"/x"
    assert places_to_listen(inherited, 5) == socket_places({}, 5)


def test_in_which_places_everybody_may_make_a_directory():
    shared = [place for place in socket_places({}, 5) if is_shared(place)]
    assert shared == ["/tmp/pyinit-5/control.sock", "/dev/shm/pyinit-5/control.sock"]
    assert not is_shared("/tmp/my.sock")


def test_the_longest_path_fits_a_socket_address():
    assert LONGEST_PATH == 107
