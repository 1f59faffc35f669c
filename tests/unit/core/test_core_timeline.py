"""The worked example of docs/operations.md, played to the core: the page tells its true times."""

import re
from pathlib import Path

from core_desk import Desk

from pyinit.config.load import load
from pyinit.core import events as ev

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
QUIT, KILL = 3, 9


def example(place):
    """Return a desk on which the programs of the page are up."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    place.write_text(text)
    plan = load([str(place)], {})
    desk = Desk(*plan.processes, init=plan.init)
    for _ in plan.processes:  # each is up once its second has passed; then the next one starts
        desk.up()
        desk.tick()
    assert set(desk.names().values()) == {"Running"}
    return desk


def gone(desk, name, status):
    """Let a run end, and nothing be left of it."""
    run = desk[name].state.run
    desk.ends(name, status)
    desk.feed(ev.Surveyed(f"{name}:0", run.id, 0))


def said(words):
    """Say whether the page has these words."""
    return words in PAGE


def test_the_example_of_the_page_takes_the_time_the_page_says(tmp_path):
    desk = example(tmp_path / "pyinit.toml")
    began = desk.now
    desk.feed(ev.ShutdownRequested("received SIGTERM"))
    assert desk.phase == "Draining"
    assert desk.kills(desk.tick()) == [("web:0", 15)]
    assert round(desk.now - began, 1) == 2.0
    assert round(desk["web"].state.schedule[-1][0] - desk.now, 1) == 3.4
    gone(desk, "web", 15)
    assert desk.kills()[-1] == ("api:0", 15)
    assert round(desk["api"].state.schedule[-1][0] - desk.now, 1) == 2.9
    assert desk.kills(desk.tick()) == [("api:0", QUIT)]
    assert round(desk.now - began, 1) == 4.2
    gone(desk, "api", 2 << 8)
    assert desk.kills()[-1] == ("db:0", 15)
    assert round(desk["db"].state.schedule[-1][0] - desk.now, 1) == 4.3
    assert desk.kills(desk.tick()) == [("db:0", KILL)]
    assert round(desk.now - began, 1) == 8.5
    for words in ("with 3.4 s to obey", "TERM, with 2.9 s", "TERM, with 4.3 s", "killed at 8.5 s"):
        assert said(words)
