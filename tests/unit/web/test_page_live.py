"""What moves: everybody who watches is told of changes, and nobody is asked when nobody does."""

import asyncio

from page_world import World, fatal, process, run

from pyinit.web import live


def still(name, **more):
    """Return what is said of a process that has no clock: it changes only when it is told to."""
    return process(name, pid=0, uptime_s=0.0, state="STOPPED", **more)


def of(world, verb):
    return [args for each, args in world.asked if each == verb]


def test_a_watcher_is_told_all_rows_and_then_those_that_change():
    async def test():
        async with World(still("a"), still("b")) as world, world.asking("GET", "/live") as answer:
            await answer.until(lambda: answer.events)
            first = answer.events[0][1]
            assert [row["name"] for row in first["rows"]] == ["a", "b"]
            assert first["names"] == ["a", "b"]
            world.processes[1] = fatal("b")
            world.tell("events", {"event": "state", "name": "b"})
            await answer.until(lambda: len(answer.events) > 1)
            ((_, second),) = answer.events[1:]
            assert [(row["name"], row["state"]) for row in second["rows"]] == [("b", "FATAL")]
            assert "names" not in second

    run(test())


def test_a_process_that_comes_or_goes_is_told_with_all_the_names():
    async def test():
        async with World(still("a"), still("b")) as world, world.asking("GET", "/live") as answer:
            await answer.until(lambda: answer.events)
            world.processes = [still("a"), still("c")]
            world.tell("events", {"event": "removed", "name": "b"})
            await answer.until(lambda: len(answer.events) > 1)
            told = answer.events[1][1]
            assert (told["names"], [row["name"] for row in told["rows"]]) == (
                ["a", "c"],
                ["c"],
            )

    run(test())


def test_many_watchers_are_one_question_and_none_are_none(monkeypatch):
    monkeypatch.setattr(live, "SAMPLE_S", 0.02)

    async def test():
        async with World(still("a")) as world:
            feed = live.Live(world.context)
            watching = [feed.watch() for _ in range(5)]
            for each in watching:
                assert (await anext(each))["names"] == ["a"]
            await world.until(lambda: len(of(world, "status")) > 5)
            assert len(of(world, "events")) == 1
            for each in watching:
                assert feed._work is not None
                await each.aclose()
            assert feed._work is None
            await world.until(lambda: not world.open)

    run(test())


def test_a_stream_ends_with_pyinit():
    async def test():
        async with World() as world, world.asking("GET", "/live") as answer:
            await answer.until(lambda: answer.events)
            world.hang_up()
            await answer.whole()

    run(test())


def test_one_who_looks_again_is_told_of_rows_since_it_has_looked():
    async def test():
        async with World(still("a")) as world:
            feed = live.Live(world.context)
            watching = feed.watch()
            first = await anext(watching)
            assert [row["name"] for row in first["rows"]] == ["a"]
            waiting = asyncio.ensure_future(anext(watching))
            for count in (1, 2, 3):
                world.processes[0] = still("a", restarts=count)
                world.tell("events", {"event": "state", "name": "a"})
            told = await waiting
            assert told["rows"][0]["restarts"] == 3  # what was in between is skipped
            await watching.aclose()

    run(test())
