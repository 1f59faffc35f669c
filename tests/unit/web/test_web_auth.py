"""Keys of doors: what opens, what does not, and how long a wrong one takes."""

import ast
import asyncio
import base64
import hashlib
import inspect

import pytest

from pyinit.protocol import passwords
from pyinit.protocol.passwords import matches
from pyinit.web import auth, tokens
from pyinit.web.auth import MALFORMED, RIGHT, WRONG, Lock, Patience


def key(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


SALTED = "{SSHA256}" + base64.b64encode(hashlib.sha256(b"secretsalt").digest() + b"salt").decode()
SHA = "{SHA}" + hashlib.sha1(b"secret").hexdigest()


@pytest.mark.parametrize("stored", ["secret", SHA, SHA.upper().replace("{SHA}", "{SHA}"), SALTED])
def test_a_password_opens_however_it_was_written(stored):
    lock = Lock("admin", stored)
    assert lock.try_key(key("admin", "secret")) == RIGHT
    assert lock.try_key(key("admin", "secreT")) == WRONG
    assert lock.try_key(key("Admin", "secret")) == WRONG
    assert lock.try_key(key("admin", "")) == WRONG
    assert lock.try_key(key("admin", stored)) == (RIGHT if stored == "secret" else WRONG)


@pytest.mark.parametrize(
    "stored", ["{SSHA256}", "{SSHA256}!!!", "{SSHA256}c2hvcnQ=", "{SHA}", "{SHA}zz", "{SHA}\xe4"]
)
def test_a_hash_that_makes_no_sense_fits_nothing(stored):
    for given in (b"", b"secret", stored.encode()):
        assert not matches(stored, given)


@pytest.mark.parametrize("compares", [passwords.fits, passwords.matches, tokens.is_signed])
def test_nothing_secret_is_compared_but_in_constant_time(compares):
    tree = ast.parse(inspect.getsource(compares))
    called = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in ast.walk(tree)
              if isinstance(node, ast.Call)}  # fmt: skip
    assert "compare_digest" in called
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]


def test_a_password_may_have_colons_and_any_letter():
    assert Lock("ä", "a:b:ö").try_key(key("ä", "a:b:ö")) == RIGHT


@pytest.mark.parametrize("header", ["", "Basic", "Basic ", "Basic =", "Basic YQ==", "Digest YTpi"])
def test_what_is_no_key_is_malformed(header):
    assert Lock("admin", "secret").try_key(header) == MALFORMED


def test_delays_double_up_to_a_bound_and_are_forgotten():
    patience = Patience()
    delays = [patience._delay("10.0.0.1", 100.0) for _ in range(9)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert patience._delay("10.0.0.2", 100.0) == 0.1
    assert patience._delay("10.0.0.1", 101.0 + auth.FORGET_S) == 0.1


def test_what_is_remembered_of_failures_is_bounded():
    patience = Patience()
    for number in range(3 * auth.ADDRESSES):
        patience._delay(f"host{number}", 0.0)
    assert len(patience._failed) == auth.ADDRESSES


def test_one_host_has_few_guesses_under_way_and_others_have_theirs():
    async def crowd():
        patience = Patience()
        guesses = [asyncio.ensure_future(patience.failed("2001:db8::1")) for _ in range(4)]
        await asyncio.sleep(0)
        seen = (patience.has_room("2001:db8::2"), patience.has_room("2001:db8:1::1"))
        await asyncio.gather(*guesses)
        return seen, patience.has_room("2001:db8::2"), patience._waiting

    assert asyncio.run(crowd()) == ((False, True), True, {})


def test_ipv4_hosts_at_a_listener_for_both_kinds_are_told_apart():
    async def crowd():
        patience = Patience()
        guesses = [asyncio.ensure_future(patience.failed("::ffff:10.0.0.1")) for _ in range(4)]
        await asyncio.sleep(0)
        seen = (patience.has_room("10.0.0.1"), patience.has_room("::ffff:10.0.0.2"))
        await asyncio.gather(*guesses)
        return seen

    assert asyncio.run(crowd()) == (False, True)
