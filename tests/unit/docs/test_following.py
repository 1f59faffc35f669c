"""Who follows the pages sees what is wrong on one."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

import following
from following import Reader, Way

TRUE = """\
# A page

```toml
# place/app.toml
[init]
```

```console
$ cat place/app.toml
# place/app.toml
[init]
$ cd place
$ pid=$$; echo "pid $pid"; echo "NAME    STATE"; echo ok
pid ...
NAME  STATE
...
$ cat <<END
> two
> lines
> END
two
lines
$ (exit 3)
$ echo $?
3
```

- in a list, too:

  ```console
  $ pwd
  .../place
  ```
"""
FALSE = {
    "another output": "$ echo one\ntwo\n",
    "more than is shown": "$ echo one; echo two\none\n",
    "less than is shown": "$ echo one\none\ntwo\n",
    "something where nothing is shown": "$ echo one\n",
    "a failure that is not told": "$ false\n",
    "no failure where one is told": "$ true\n$ echo $?\n1\n",
    "a message on stderr": "$ echo one >&2\n",
}


def follow(tmp_path, text, **way):
    page = tmp_path / "page.md"
    page.write_text(text)
    with Reader(tmp_path, Way(**way)) as reader:
        reader.follow(str(page))


def test_a_true_page_can_be_followed(tmp_path):
    follow(tmp_path, TRUE)


@pytest.mark.parametrize("block", FALSE.values(), ids=FALSE)
def test_a_page_that_is_not_true_is_found(tmp_path, block):
    with pytest.raises(AssertionError, match=r"page\.md:2"):
        follow(tmp_path, f"```console\n{block}```\n")


def test_a_command_without_a_runner_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one\none\n```\n")
    (found,) = following.unfollowed(str(page))
    assert (found.text, found.output) == ("echo one", ("one",))


def test_what_is_called_otherwise_here_reads_as_the_page_has_it(tmp_path):
    text = "```toml\n# shop.toml\n# shop\n```\n\n```console\n$ cat shop.toml\n# shop.toml\n# shop\n```\n"
    follow(tmp_path, text, named={"shop": "shop-1"})
    assert (tmp_path / "shop-1.toml").read_text() == "# shop-1.toml\n# shop-1\n"


def test_another_command_can_be_run_in_the_place_of_one(tmp_path):
    text = "```console\n$ kubectl version\none\n```\n"
    follow(tmp_path, text, instead={"kubectl version": ("echo one", "there is no cluster")})


def test_a_command_that_looks_is_asked_until_it_sees_what_is_shown(tmp_path):
    text = "```console\n$ (sleep 1; echo up > state) &\n$ cat state\nup\n```\n"
    follow(tmp_path, text)
