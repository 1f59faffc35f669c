"""One client of the control socket: what is queued for it is what it can take."""

import socket

from pyinit.protocol import wire
from pyinit.runtime.control_session import Peer, Session


def test_a_reply_that_no_client_takes_becomes_a_refusal():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = Session(ours, Peer(1, 0, "admin"), 0.0)
        session.send({"id": 5, "ok": True, "result": {"text": "x" * wire.FRAME_BYTES}})
        frame = wire.decode(session.unsent.rstrip(b"\n"))
    assert (frame["id"], frame["ok"]) == (5, False)
    assert "cannot reply" in str(frame)


def test_what_was_dropped_before_a_reexec_is_told_once_there_is_room():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = Session(ours, Peer(1, 0, "admin"), 0.0)
        session.restore(b"{}\n", b"", 0.0)
        session.dropped, session.untold = 9, 7
        session.flush(0.0)
        session.flush(0.0)
        assert theirs.recv(100) == b'{}\n{"event":"dropped","count":7}\n'
