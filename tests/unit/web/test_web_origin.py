"""Which requests of browsers are taken for those of our own pages."""

import pytest

from pyinit.web.origin import complaint, is_ours

TCP = "tcp:0.0.0.0:9001"


def refused(method="POST", place=TCP, secured=False, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return bool(complaint(method, given, place, secured=secured))


def test_programs_are_not_asked_where_they_come_from():
    assert not refused(host="anything:9001")
    assert not refused()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_only_looks_may_come_from_anywhere(method):
    assert not refused(method, origin="http://evil.example", host="127.0.0.1:9001")


@pytest.mark.parametrize("sign", ["accept_language", "sec_fetch_site"])
def test_by_the_name_of_a_stranger_a_browser_reads_nothing(sign):
    """The answers are the page's own to it: DNS rebinding."""
    browser = {sign: "none", "host": "evil.example:9001"}
    assert refused("GET", **browser)
    assert not refused("GET", **browser, secured=True)
    assert not refused("GET", **browser, place="unix:/run/web.sock")
    assert not refused("GET", host="web.monitoring.svc:9001")  # a scraper's
    for host in ("127.0.0.1:9001", "localhost:9001", "web:9001"):
        assert not refused("GET", **{**browser, "host": host})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_what_may_change_something_comes_from_the_page_itself(method):
    assert refused(method, origin="http://evil.example", host="127.0.0.1:9001", secured=True)
    assert refused(method, origin="http://127.0.0.1", host="127.0.0.1:9001")
    assert refused(method, origin="null", host="127.0.0.1:9001")
    assert refused(method, origin="http://[", host="127.0.0.1:9001")
    assert refused(method, origin="http://127.0.0.1:9001")
    assert not refused(method, origin="http://127.0.0.1:9001", host="127.0.0.1:9001")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_what_the_browser_says_of_the_site_counts(site):
    assert refused(sec_fetch_site=site, origin="http://127.0.0.1:9001", host="127.0.0.1:9001")


def test_a_name_of_a_stranger_leads_nowhere_unless_a_password_is_asked_for():
    rebound = {"origin": "http://evil.example:9001", "host": "evil.example:9001"}
    assert refused(**rebound)
    assert not refused(**rebound, secured=True)
    assert not refused(**rebound, place="unix:/run/web.sock")


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:9001", True),
        ("[::1]:9001", True),
        ("192.168.1.7", True),
        ("localhost:9001", True),
        ("app.localhost", True),
        ("LOCALHOST.", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
        ("", False),
        ("user@evil.example", False),
    ],
)
def test_names_of_this_machine(host, ours):
    assert is_ours(host, TCP) is ours
