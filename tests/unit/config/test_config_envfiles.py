"""Files of variables: what people have in them, and where they are wrong."""

import os

import pytest
from configs import plan_of
from hypothesis import given
from hypothesis import strategies as st

from pyinit.config.envfiles import MAX_FAULTS, env_dir, env_file, lost
from pyinit.config.problems import ValueFault


def read(tmp_path, text, name="web.env"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return env_file(str(path))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("\n# comment\n  # another\n\n", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=1\r\nB=x y\r\n", {"A": "1", "B": "x y"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("  A = 1  \n", {"A": "1"}),
        ("export A=1\nexport\tB=2\n", {"A": "1", "B": "2"}),
        ("A=\nB=''\n", {"A": "", "B": ""}),
        ("A=a=b\n", {"A": "a=b"}),
        ("A=x # comment\nB=x#y\nC=# none\nD=x\t# tab\n", {"A": "x", "B": "x#y", "C": "", "D": "x"}),
        ("A='a # b' # comment\n", {"A": "a # b"}),
        ("A='$HOME \\n'\n", {"A": "$HOME \\n"}),
        (r'A="a\nb\t\"c\" \\n \$x \q"' + "\n", {"A": 'a\nb\t"c" \\n $x \\q'}),
        ('A="one\ntwo"\nB=3\n', {"A": "one\ntwo", "B": "3"}),
        ('A="one \\\ntwo"\n', {"A": "one two"}),
        ("A='-----BEGIN\nxyz\n-----END'\n", {"A": "-----BEGIN\nxyz\n-----END"}),
        ("A=$HOME ${X}\n", {"A": "$HOME ${X}"}),
        ("A=caf\u00e9\n", {"A": "caf\u00e9"}),
        ("A=\udcff\n", {"A": "\udcff"}),
    ],
)
def test_lines_are_variables(tmp_path, text, wanted):
    assert read(tmp_path, text) == wanted


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("A=1\nnothing\n", 2, "it is no NAME=value"),
        ("\n=1\n", 2, "it is no NAME=value"),
        ("A B=1\n", 1, "it is no NAME=value"),
        ("export A B=1\n", 1, "it is no NAME=value"),
        ("'A'=1\n", 1, "it is no NAME=value"),
        ("A=1\nB='x\ny\n", 2, "the quote ' is not closed"),
        ('A="x\\', 1, 'the quote " is not closed'),
        ("A='x' y\n", 1, "something stands behind the quotes"),
        ("A=1\nB=x\0y\n", 2, "a NUL character has no place here"),
        ("A='\0'\n", 1, "a NUL character has no place here"),
    ],
)
def test_a_wrong_line_is_named_with_its_file(tmp_path, text, line, message):
    with pytest.raises(ValueFault) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/web.env:{line}: {message}"
    assert caught.value.fix.startswith("write NAME=value")


def test_every_wrong_line_of_a_file_is_told(tmp_path):
    text = "=1\nB=2\nA B=3\nX='a'b\nD=\0\nE=5\nF\nG='\nH\n"
    with pytest.raises(ValueFault) as caught:
        read(tmp_path, text)
    told = [str(each).removeprefix(f"{tmp_path}/web.env:") for each in caught.value.parts()]
    assert [int(each.partition(":")[0]) for each in told] == [1, 3, 4, 5, 7, 8]
    with pytest.raises(ValueFault) as caught:
        read(tmp_path, "x\n" * 1000)
    assert len(caught.value.parts()) == MAX_FAULTS


def test_a_file_that_is_missing_is_a_fault_unless_it_may_be(tmp_path):
    assert env_file(f"-{tmp_path}/none") == {}
    with pytest.raises(ValueFault) as caught:
        env_file(f"{tmp_path}/none")
    assert str(caught.value) == f'cannot read "{tmp_path}/none": there is no such file'
    assert caught.value.fix == f'make it, or write "-{tmp_path}/none" if it may be missing'


def test_a_file_that_cannot_be_read_is_a_fault_even_if_it_may_be_missing(tmp_path):
    with pytest.raises(ValueFault) as caught:
        env_file(f"-{tmp_path}")
    assert str(caught.value) == f'cannot read "{tmp_path}": Is a directory'


def test_a_huge_file_of_variables_is_refused(tmp_path):
    with pytest.raises(ValueFault, match="larger than 1 MB"):
        read(tmp_path, "A=" + "x" * (1 << 20))


def test_paths_are_relative_to_a_base(tmp_path):
    (tmp_path / "web.env").write_text("A=1\n")
    (tmp_path / "vars").mkdir()
    (tmp_path / "vars" / "B").write_text("2\n")
    assert env_file("web.env", str(tmp_path)) == {"A": "1"}
    assert env_file("-web.env", str(tmp_path)) == {"A": "1"}
    assert env_dir("vars", str(tmp_path)) == {"B": "2"}


def test_a_directory_has_a_variable_in_each_file(tmp_path):
    (tmp_path / "ONE").write_text("first \t\nsecond\n")
    (tmp_path / "EMPTY").write_text("")
    (tmp_path / "NUL").write_bytes(b"a\0b")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "A=B").write_text("x")
    (tmp_path / "directory").mkdir()
    os.symlink("ONE", tmp_path / "LINK")
    assert env_dir(str(tmp_path)) == {"ONE": "first", "EMPTY": "", "NUL": "a\nb", "LINK": "first"}


def test_every_file_of_a_directory_that_cannot_be_read_is_told(tmp_path):
    for name in ("A", "B"):
        (tmp_path / name).write_text("x" * ((1 << 20) + 1))
    with pytest.raises(ValueFault) as caught:
        env_dir(str(tmp_path))
    assert [part.path for part in caught.value.parts()] == [("A",), ("B",)]


def test_a_link_to_nothing_in_a_directory_of_variables_is_warned_of(tmp_path):
    (tmp_path / "vars").mkdir()
    os.symlink("none", tmp_path / "vars" / "A")
    os.symlink("none", tmp_path / "vars" / ".hidden")
    text = '[program.a]\ncommand = "a"\nenv_dir = "vars"\ninstances = 2\n'
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning.startswith(
        f'{tmp_path}/pyinit.toml:3: env_dir: "{tmp_path}/vars/A" is a link to nothing'
    )
    os.symlink("/dev/null", tmp_path / "vars" / "none")
    assert plan_of(tmp_path, text).warnings == ()


def test_a_directory_that_is_missing_is_a_fault(tmp_path):
    with pytest.raises(ValueFault) as caught:
        env_dir(f"{tmp_path}/none")
    assert str(caught.value) == f'cannot read "{tmp_path}/none": No such file or directory'
    assert caught.value.fix == "it is a directory with a file for each variable"
    assert lost(f"{tmp_path}/none") == []


@given(
    names=st.lists(
        st.from_regex(r"[A-Z_][A-Z0-9_.]{0,5}", fullmatch=True), unique=True, max_size=4
    ),
    data=st.data(),
)
def test_quoted_values_come_back_whatever_is_in_them(tmp_path_factory, names, data):
    text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)
    wanted = {name: data.draw(text) for name in names}
    quoted = {
        name: '"' + "".join([f"\\{char}" if char in '"\\$`' else char for char in value]) + '"'
        for name, value in wanted.items()
    }
    path = tmp_path_factory.mktemp("quoted")
    lines = "".join([f"{name}={value}\n" for name, value in quoted.items()])
    assert read(path, lines) == wanted


@given(text=st.text(alphabet="AB='\"\\ \n#x$\0", max_size=40))
def test_whatever_is_in_a_file_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp()
    try:
        found = read(path, text)
    except ValueFault as fault:
        assert fault.fix
    else:
        assert all("\0" not in name + value for name, value in found.items())
