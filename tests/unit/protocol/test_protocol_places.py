"""Where the control socket is."""

from pyinit.protocol.places import LONGEST_PATH, chosen_place, socket_places


def test_places_are_tried_in_the_order_of_the_contract():
    assert socket_places({b"XDG_RUNTIME_DIR": b"/run/user/5"}, 5) == (
        "/run/pyinit/control.sock",
        "/run/user/5/pyinit/control.sock",
        "/tmp/pyinit-5/control.sock",
    )
    assert socket_places({b"XDG_RUNTIME_DIR": b""}, 0) == (
        "/run/pyinit/control.sock",
        "/tmp/pyinit-0/control.sock",
    )


def test_the_environment_may_choose_another():
    assert chosen_place({b"PYINIT_SOCKET": b"/x/\xff"}) == "/x/\udcff"
    assert chosen_place({b"PYINIT_SOCKET": b""}) is None
    assert chosen_place({}) is None


def test_the_longest_path_fits_a_socket_address():
    assert LONGEST_PATH == 107
