"""The log page: the last output as text, the whole of it as a file, and what comes as it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_world import World, process, run

from pyinit.protocol.messages import Refused
from pyinit.web.output import plain


def says(world, text, captured=True):
    world.answers["logs"] = {"processes": [{"name": "web", "captured": captured, "text": text}]}
    world.answers["read-log"] = Refused("no-file", "there is no log file")


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("plain\n", "plain\n"),
        ("\x1b[1;31mred\x1b[0m\n", "red\n"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bPq\x1b\\x", "x"),
        ("a\rb\r\nc", "a\nb\nc"),
        ("bell\x07 null\0 del\x7f tab\t", "bell null del tab\t"),
        ("caf\udcc3\udca9 \udcff", "café \ufffd"),
        ("\x1b(Bx\x1b=y", "xy"),
    ],
)
def test_output_is_shown_without_what_a_terminal_would_obey(printed, shown):
    assert plain(printed) == shown


@given(st.text(st.sampled_from("\x1b[]();0mABq\x07\\\r\nPX^_ ")))
def test_no_escape_is_left_over(printed):
    assert "\x1b" not in plain(printed).replace("\x1b", "", 0) or "\x1b" in printed
    assert not any(char < " " and char not in "\n\t" for char in plain(printed))


def test_supervisords_address_is_kept():
    async def test():
        async with World() as world:
            says(world, "x" * 5000 + "the end\n")
            page = await world.get("/tail.html?processname=web&limit=2000")
            shown = page.text.partition('role="log"')[2].partition(">")[2].partition("</pre>")[0]
            assert shown == "x" * 1992 + "the end\n"
            page = await world.get("/tail.html?processname=web&limit=3")
            assert "x" * 1016 + "the end" in page.text
            assert "x" * 1017 not in page.text
            assert 'href="tail.html?processname=web' in page.text  # refresh

    run(test())


@pytest.mark.parametrize("limit", ["", "-5", "abc", "9" * 30, "\u0663"])
def test_a_limit_that_is_none_is_the_usual_one(limit):
    async def test():
        from urllib.parse import quote

        async with World() as world:
            says(world, "y" * 100_000)
            page = await world.get(f"/tail.html?processname=web&limit={quote(limit)}")
            assert page.text.count("y" * 64 * 1024) == 1

    run(test())


@pytest.mark.parametrize("name", ["", "*", "w*", "all", "nobody", "../../etc/passwd"])
def test_only_the_name_of_a_process_has_a_page_or_a_file(name):
    async def test():
        async with World() as world:
            says(world, "secret")
            for path in ("/tail.html", "/output.txt", "/follow"):
                answer = await world.get(f"{path}?processname={name}")
                assert answer.status == 404
                assert "secret" not in answer.text
            assert not [each for each in world.asked if each[0] in ("logs", "read-log")]

    run(test())


def test_output_that_pyinit_does_not_see_is_explained():
    async def test():
        async with World() as world:
            says(world, "", captured=False)
            page = await world.get("/tail.html?processname=web")
            assert "pyinit does not see this output" in page.text
            says(world, "", captured=True)
            page = await world.get("/tail.html?processname=web")
            assert "pyinit does not see this output" not in page.text
            assert "Nothing was printed yet" in page.text

    run(test())


def test_a_file_is_sent_whole_whatever_its_bytes():
    data = bytes(range(256)) * 1000

    def read(args):
        at = args["offset"]
        piece = data[at : at + args["length"]]
        return {"data": piece.decode("latin-1"), "offset": at, "size": len(data), "file": "/x"}

    async def test():
        async with World() as world:
            says(world, "")
            world.answers["read-log"] = read
            file = await world.get("/output.txt?processname=web&stream=stdout")
            assert file.body == data
            assert file.header("content-disposition") == 'attachment; filename="web.stdout.log"'
            assert file.header("content-type").startswith("text/plain")

    run(test())


def test_without_a_file_what_is_in_memory_is_sent():
    async def test():
        async with World(process('a";\n<b>')) as world:
            says(world, "")
            world.answers["logs"] = {
                "processes": [{"name": 'a";\n<b>', "captured": True, "text": "raw \udcff\n"}]
            }
            file = await world.get("/output.txt?processname=a%22%3B%0A%3Cb%3E")
            assert file.body == b"raw \xff\n"
            assert file.header("content-disposition") == 'attachment; filename="a____b_.both.log"'

    run(test())


def test_who_follows_is_told_output_and_states_in_one_stream_until_they_leave():
    async def test():
        async with World() as world:
            first = {"event": "output", "name": "web", "captured": True, "text": "before\n"}
            world.streams["logs"] = [first]
            async with world.asking("GET", "/follow?processname=web&stream=stdout") as answer:
                await answer.until(lambda: answer.events)
                world.tell("logs", {"event": "output", "name": "web", "text": "\udcff\n"})
                await answer.until(lambda: len(answer.events) > 1)
                world.tell("events", {"event": "state", "name": "web", "state": "FATAL"})
                await answer.until(lambda: len(answer.events) > 2)
            assert [name for name, _ in answer.events] == ["output", "output", "state"]
            assert answer.events[1][1]["text"] == "\ufffd\n"
            assert ("logs", {"names": ["web"], "stream": "stdout", "follow": True}) in world.asked
            await world.until(lambda: not world.open)  # PID 1 knows that nobody listens

    run(test())
