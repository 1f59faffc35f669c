"""What sd_notify(3) says, read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.protocol.notify import DEFAULT_NAME, LONGEST_S, STATUS_CHARS, Notice, parse


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"READY=1", {"ready": True}),
        (b"READY=0", {}),
        (b"READY", {}),
        (b"", {}),
        (b"X_OWN=1\nREADY=1\n", {"ready": True}),
        (b"RELOADING=1\nMONOTONIC_USEC=8", {"reloading": True, "since_us": 8}),
        (b"STOPPING=1", {"stopping": True}),
        (b"STATUS=a=b", {"status": "a=b"}),
        (b"STATUS=one\nSTATUS=two", {"status": "two"}),
        (b"STATUS=", {"status": ""}),
        (b"STATUS=red\x1b[31m\x00\xff", {"status": "red [31m \ufffd"}),
        (b"MAINPID=71", {"main_pid": 71}),
        (b"MAINPID=-1", {}),
        (b"MAINPID=\xc2\xb2", {}),
        (b"EXTEND_TIMEOUT_USEC=1500000", {"extend_s": 1.5}),
        (b"EXTEND_TIMEOUT_USEC=99999999999999999999", {"extend_s": LONGEST_S}),
        (b"EXTEND_TIMEOUT_USEC=999999999999999999999", {}),
        (b"WATCHDOG=1", {"watchdog": "ping"}),
        (b"WATCHDOG=trigger", {"watchdog": "trigger"}),
        (b"WATCHDOG=2", {}),
        (b"WATCHDOG_USEC=0", {"watchdog_s": 0.0}),
        (b"ERRNO=2\nEXIT_STATUS=3", {"errno": 2, "exit_status": 3}),
        (b"FDSTORE=1\nFDNAME=a b", {"store": True, "fd_name": "a b"}),
        (b"FDSTORE=1\nFDNAME=a:b", {"store": True}),
        (b"FDSTORE=1\nFDNAME=a\tb\nFDPOLL=0", {"store": True, "polled": False}),
        (b"FDSTOREREMOVE=1\nFDNAME=" + b"x" * 256, {"remove": True}),
    ],
)
def test_a_message_says(message, said):
    assert parse(message) == Notice(**said)


@given(st.binary(max_size=5000))
def test_no_message_is_too_strange(message):
    found = parse(b"STATUS=" + message)
    assert found.status is not None
    assert len(found.status) <= STATUS_CHARS
    assert found.status.isprintable()
    assert found.fd_name == DEFAULT_NAME or ":" not in found.fd_name
