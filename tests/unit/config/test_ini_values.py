"""The types of supervisord's options: what each takes, and what is said to the rest."""

import grp
import os
import pwd

import pytest

from pyinit.config import ini_values as values
from pyinit.config.problems import ValueFault
from pyinit.config.users import Accounts


def fault(convert, text):
    with pytest.raises(ValueFault) as caught:
        convert(text)
    assert caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize(
    ("convert", "text", "wanted"),
    [
        (values.boolean, "YES", True),
        (values.boolean, "off", False),
        (values.integer, " -7 ", -7),
        (values.seconds, "-3", 0.0),
        (values.seconds, str(10**12), values.values.LONGEST_S - 1),
        (values.size, "12", 12),
        (values.size, "2 kb", 2048),
        (values.size, "1GB", 1 << 30),
        (values.octal, "0o17", 0o17),
        (values.signal, "sigusr1", 10),
        (values.signal, "15", 15),
        (values.exit_codes, "", ()),
        (values.exit_codes, "0, 255", (0, 255)),
        (values.level, "BLATHER", "debug"),
        (values.policy, "On", "always"),
        (values.name, " web ", "web"),
        (values.words, "", ()),
        (values.words, "a , b", ("a", "b")),
        (values.command, 'a \'b c\' "d\\"e"\nf', ("a", "b c", 'd"e', "f")),
        (values.environment, "A=\"1,2\",B=/x:y,C='q'", {"A": "1,2", "B": "/x:y", "C": "q"}),
        (values.address, "9001", "0.0.0.0:9001"),
        (values.address, "*:1", "0.0.0.0:1"),
        (values.address, "LOCALHOST:80", "127.0.0.1:80"),
        (values.address, "10.1.2.3:80", "10.1.2.3:80"),
        (values.address, "[::1]:80", "[::1]:80"),
        (values.address, "[10.0.0.1]:80", "10.0.0.1:80"),
    ],
)
def test_a_value_is_what_supervisord_takes_it_for(convert, text, wanted):
    assert convert(text) == wanted


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        (values.boolean, "y", "not a valid boolean value: 'y'"),
        (values.integer, str(10**30), f"the number {10**30} is too large"),
        (values.integer, "9" * 5000, "Exceeds the limit (4300 digits) for integer string conv"),
        (values.integer, "x" * 5000, "invalid literal for int() with base 10: '"),
        (values.size, "-1", "-1 is no size"),
        (values.size, "5M", "invalid literal for int() with base 10: '5m'"),
        (values.octal, "-7", "-7 can not be converted to an octal type"),
        (values.octal, "77777", "77777 can not be converted to an octal type"),
        (values.exit_codes, "a", "not a valid list of exit codes: 'a'"),
        (values.level, "loud", "bad logging level name 'loud'"),
        (values.name, "", "Invalid name: ''"),
        (values.name, "a/b", "Invalid name: 'a/b' because of character: '/'"),
        (values.name, "a\nb", "Invalid name: 'a\\nb' because of character: '\\n'"),
        (values.command, "a 'b", "can't parse command: no closing quotation"),
        (values.command, " ", "command is empty"),
        (values.command, "a \0", "command has a NUL character"),
        (values.environment, "A", "Unexpected end of key/value pairs in value"),
        (values.environment, "A='", "cannot read the variables: no closing quotation"),
        (values.environment, "A='\0'", "a variable has a NUL character"),
        (values.address, "a:", "no port number specified in ''"),
        (values.address, "http", "not a valid port number: 'http' "),
        (values.address, "0", "0 is below lower bound (1)"),
        (values.address, "65536", "65536 is above upper bound (65535)"),
        (values.address, "no such host:1", "cannot find the address of 'no such host'"),
        (lambda text: values.path(text, "/"), "a\0", "a path has no NUL character"),
        (lambda text: values.user(text, Accounts()), "-5", "Invalid user id -5"),
        (
            lambda text: values.user(text, Accounts()),
            "nobody-here",
            "Invalid user name nobody-here",
        ),
        (lambda text: values.owner(text, Accounts()), "root:x-y", "Invalid user:group definition"),
    ],
)
def test_the_rest_is_refused_in_supervisords_words(convert, text, message):
    found = fault(convert, text)
    assert found.startswith(message)
    assert len(found) < 300


def test_paths_are_from_the_root_and_know_home_directories():
    assert values.path("x/../y", "/base") == "/base/y"
    assert values.path("/x", "/base") == "/x"
    assert values.path("~root/x", "/base") == os.path.join(pwd.getpwnam("root").pw_dir, "x")


def test_an_owner_without_a_group_leaves_the_group_as_it_is():
    nobody = pwd.getpwnam("nobody").pw_uid
    assert values.owner("nobody", Accounts()) == (nobody, None)
    root = grp.getgrgid(0).gr_name
    assert values.owner(f"nobody:{root}", Accounts()) == (nobody, 0)
    assert values.owner("77:88", Accounts()) == (77, 88)
