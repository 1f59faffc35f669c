"""What a run is told of the descriptors that it is born with."""

from pyinit.runtime.handing import handed


def test_descriptors_go_to_3_and_up_in_their_order_under_their_names():
    keep, env = handed([(17, "http"), (9, "admin")])
    assert keep == ((17, 3), (9, 4))
    assert dict(env) == {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:admin", "LISTEN_PID": ""}
