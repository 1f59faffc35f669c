"""What is shown of values that may be secret: by the variable's name, or inside of a URL."""

import pytest

from pyinit.protocol.masking import MASK, MOST_WORK, masked, without


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD",
        "DB_PASSWORD",
        "db-passwd",
        "AWS_SECRET_ACCESS_KEY",
        "api.token",
        "SENTRY_DSN",
        "DB_PW",
        "ldap-pw",
        "PGPASSWORD",
        "MYSQL_PWD",
        "SVNPASSWD",
        "SMTPPWD",
        "GPG_PASSPHRASE",
    ],
)
def test_a_name_that_speaks_of_secrets_hides_its_value(name):
    assert masked(name, "hunter2", secret=False) == MASK


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "PATH", "KEYBOARD", "MONKEY", "PASSENGER", "PWM", "CWD"]
)
def test_other_names_show_theirs(name):
    assert masked(name, "/srv", secret=False) == "/srv"


def test_what_is_declared_secret_is_hidden_whatever_its_name():
    assert masked("PWD", "/srv", secret=True) == MASK


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://me:hunter2@db/x", "postgres://me:********@db/x"),
        ("redis://:hunter2@cache:6379/0", "redis://:********@cache:6379/0"),
        ("https://me@host/", "https://me@host/"),
        ("https://host/a:b@c", "https://host/a:b@c"),
        ("me:hunter2@db", "me:hunter2@db"),
        ("", ""),
    ],
)
def test_the_password_of_a_url_is_hidden(value, shown):
    assert masked("URL", value, secret=False) == shown


def test_what_is_hidden_is_replaced_wherever_it_is_the_longest_first():
    hidden = {"abc": "1", "abcd": "2"}
    assert without(["abcd abc", "x", ""], hidden) == ["2 1", "x", ""]
    assert without([], hidden) == []


def test_where_there_is_too_much_to_look_for_nothing_is_shown():
    """PID 1 looks: an environment of two megabytes of secrets must not hold it up for hours."""
    hidden = {f"secret-{number}": MASK for number in range(20_000)}
    assert without(["x" * (MOST_WORK // 20_000), "y"], hidden) == [MASK, MASK]
    assert without(["x" * (MOST_WORK // 20_000 // 2)], hidden) != [MASK]
