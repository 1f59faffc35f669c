"""What the command pyinit says to options that it does not have."""

import pytest
from tools import call


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("--chek", "\n  did you mean --check?"),
        ("--confg=/etc/x.toml", "\n  did you mean --config?"),
        ("--stri", "\n  did you mean --strict?"),
        ("--ver", ""),  # --version, or --verbose
        ("--nonsense", ""),
        ("-x", ""),
        ("--caf\udce9", ""),  # no UTF-8
    ],
)
def test_an_unknown_option_is_an_error_that_says_which_one_may_be_meant(word, fix):
    said = f"pyinit: unknown option {word}{fix}\nTry 'pyinit --help'.\n"
    assert call("init", word) == (2, "", said)
