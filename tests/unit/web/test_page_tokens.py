"""Tokens: only a page of ours, of this session and this door, can hold them."""

import pytest

from pyinit.web import tokens

SECRET = b"x" * 32


def test_a_token_is_good_for_the_very_same_parts_alone():
    token = tokens.sign(SECRET, "form", "tcp:a:1", "session")
    assert tokens.is_signed(token, SECRET, "form", "tcp:a:1", "session")
    for other in (
        (b"y" * 32, "form", "tcp:a:1", "session"),
        (SECRET, "message", "tcp:a:1", "session"),
        (SECRET, "form", "tcp:a:2", "session"),
        (SECRET, "form", "tcp:a:1", "sessions"),
        (SECRET, "form", "tcp:a:1session", ""),
    ):
        assert not tokens.is_signed(token, *other)


@pytest.mark.parametrize("given", ["", "0", "\udcff", "ä" * 64, "0" * 64])
def test_what_is_no_token_is_none(given):
    assert not tokens.is_signed(given, SECRET, "form", "a")


def test_a_session_is_taken_from_its_cookie_only_if_it_looks_like_one():
    made = tokens.new_session()
    assert tokens.session_of({tokens.COOKIE: made}) == made
    assert made != tokens.new_session()
    for other in ("", "short", made + "x", made[:-1] + ";", "x" * 23 + "\n"):
        assert tokens.session_of({tokens.COOKIE: other}) == ""
    assert tokens.session_of({}) == ""


def test_the_cookie_is_for_this_site_and_no_script():
    cookie = tokens.cookie_of("abc", tls=False)
    assert cookie == "pyinit_session=abc; Path=/; HttpOnly; SameSite=Strict"
    assert tokens.cookie_of("abc", tls=True).endswith("; Secure")
