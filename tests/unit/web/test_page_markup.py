"""Names and output are text: whatever they are, a page has the very same elements as ever."""

from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_world import World, fatal, process, run

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea></title></pre><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "\u202e<\u0000>",
    "]]><!-- --!><!",
)
# Where an address or a script could stand.
ACTIVE = ("href", "src", "action", "formaction", "style", "srcdoc")


class Outline(HTMLParser):
    """Collects elements with the names of their attributes, and the texts in between."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.addresses = []
        self.texts = []

    def handle_starttag(self, tag, attrs):
        names = tuple(name for name, _ in attrs)
        self.elements.append((tag, names))
        self.addresses += [value for name, value in attrs if name in ACTIVE]

    def handle_data(self, data):
        self.texts.append(data)


def outline(page):
    found = Outline()
    found.feed(page.text)
    return found


async def pages(name, words):
    """Return the outlines of every page about a process of that name that has printed that."""
    end = {"code": 1, "reason": words, "at": 5.0}
    entries = (
        process(name, group="g"),
        fatal(f"{name}2", words, group="g", fix=words, last_exit=end),
    )
    async with World(*entries) as world:
        world.answers["logs"] = lambda args: {
            "processes": [{"name": args["names"][0], "captured": True, "text": words}]
        }
        from urllib.parse import quote

        paths = (
            "/",
            f"/?q={quote(name)}&state={quote(name)}&message={quote(words, errors='replace')}",
            f"/?action=stop&processname={quote(name)}",
            f"/?action={quote(words, errors='replace')}&processname={quote(name)}x",
            f"/tail.html?processname={quote(name)}&stream={quote(words, errors='replace')}&limit=x{quote(name)}",
            f"/tail.html?processname={quote('no' + name)}",
        )
        return [outline(await world.get(path)) for path in paths]


def assert_same(name, words):
    harmless, hostile = run(pages("name", "words")), run(pages(name, words))
    for good, bad in zip(harmless, hostile, strict=True):
        assert bad.elements == good.elements
        for address in bad.addresses:
            start = address.split("?")[0]
            assert start in ("", "./", "tail.html", "output.txt", "#processes", "#log") or (
                start.startswith("static/")
            ), address


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_or_output_adds_no_element(text):
    assert_same(text.replace("\0", "").replace("\n", ""), text)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
    st.text(st.sampled_from("<>\"'&=;!-/ abc\x1b[]\n\t\ud800\udcff{}%")),
)
def test_no_name_and_no_output_adds_an_element(name, words):
    words = words.replace("\ud800", "")  # no byte is read as that
    assert_same(name, "x" + words)


def test_what_was_hostile_is_still_there_to_be_read():
    async def test():
        async with World(process(HOSTILE[0])) as world:
            assert HOSTILE[0] in outline(await world.get("/")).texts

    run(test())


def test_what_the_pages_script_is_told_is_json_and_never_markup():
    async def test():
        async with World(process(HOSTILE[0])) as world:
            async with world.asking("GET", "/live") as answer:
                await answer.until(lambda: answer.events)
            ((name, told),) = answer.events
            assert (name, told["rows"][0]["name"]) == ("rows", HOSTILE[0])
            assert answer.header("content-type").startswith("text/event-stream")

    run(test())


def test_our_scripts_make_no_markup_out_of_text():
    from pyinit.web.look import HERE

    for path in (HERE / "static").glob("*.js"):
        code = path.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in code, path
        assert "new Function" not in code
