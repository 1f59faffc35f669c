"""Looking changes nothing; a change takes a POST with a token of a page that was shown to you."""

import pytest
from page_world import World, fatal, process, run

from pyinit.protocol.messages import Refused


async def shown(world, path="/"):
    """Return (cookie, token) of a page."""
    page = await world.get(path)
    return page.cookie, page.token


@pytest.mark.parametrize(
    "link",
    [
        "/?action=stopall",
        "/?action=restartall",
        "/index.html?action=stopall",
        "/?processname=web&action=stop",
        "/index.html?processname=web&action=start",
        "/index.html?processname=web&action=restart",
        "/index.html?processname=web&action=clearlog",
    ],
)
def test_a_link_of_supervisords_page_asks_first_and_the_answer_is_done(link):
    async def test():
        async with World() as world:
            page = await world.get(link)
            assert page.status == 200
            assert "Nothing has been done yet" in page.text
            assert world.changes == []
            value = page.text.partition('name="do" value="')[2].partition('"')[0]
            form = {"do": value, "token": page.token, "sure": "yes"}
            done = await world.post("/", form, cookie=page.cookie)
            assert done.status == 303
            assert len(world.changes) == 1

    run(test())


def test_refresh_is_harmless_and_says_when():
    async def test():
        async with World() as world:
            assert "Page refreshed at" in (await world.get("/?action=refresh")).text

    run(test())


@pytest.mark.parametrize(
    ("do", "verb", "names", "message"),
    [
        ("start web", "start", ["web"], "Process web started"),
        ("stop web", "stop", ["web"], "Process web stopped"),
        ("restart web", "restart", ["web"], "Process web restarted"),
        ("startgroup web", "start", ["web:*"], "Group web started"),
        ("startall", "start", ["all"], "All started at"),
    ],
)
def test_a_button_is_done_and_told_after_a_redirect(do, verb, names, message):
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            done = await world.post("/", {"do": do, "token": token}, cookie=cookie)
            assert done.status == 303
            ((asked, args),) = world.changes
            assert (asked, args["names"]) == (verb, names)
            assert args["timeout_s"] > 0  # nobody is kept waiting for ever
            place = done.header("location")
            assert place.startswith("./?message=")
            page = await world.get("/" + place.removeprefix("./"), cookie=cookie)
            assert message in page.text
            assert len(world.changes) == 1

    run(test())


@pytest.mark.parametrize(
    "do", ["stopall", "restartall", "stopgroup web", "restartgroup web", "clearlog web"]
)
def test_what_concerns_many_or_cannot_be_undone_is_asked_for_twice(do):
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            question = await world.post("/", {"do": do, "token": token}, cookie=cookie)
            assert question.status == 200
            assert "Nothing has been done yet" in question.text
            assert world.changes == []
            form = {"do": do, "token": question.token, "sure": "yes"}
            await world.post("/", form, cookie=cookie)
            assert len(world.changes) == 1

    run(test())


def test_supervisords_own_fields_are_understood_in_a_form():
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            form = {"processname": "web", "action": "stop", "token": token}
            await world.post("/index.html", form, cookie=cookie)
            assert [verb for verb, _ in world.changes] == ["stop"]

    run(test())


def test_a_process_may_be_named_with_its_group_as_supervisords_links_do():
    async def test():
        async with World(process("a", group="g")) as world:
            cookie, token = await shown(world)
            for name in ("a", "g:a"):
                form = {"processname": name, "action": "stop", "token": token}
                assert (await world.post("/", form, cookie=cookie)).status == 303
            assert [args["names"] for _, args in world.changes] == [["a"], ["a"]]
            form = {"processname": "h:a", "action": "stop", "token": token}
            assert (await world.post("/", form, cookie=cookie)).status == 303
            assert len(world.changes) == 2

    run(test())


@pytest.mark.parametrize("token", ["", "0" * 64, "stolen"])
def test_a_form_without_our_token_is_asked_about_and_not_done(token):
    async def test():
        async with World() as world:
            cookie, good = await shown(world)
            given = (await shown(world))[1] if token == "stolen" else token
            assert given != good
            done = await world.post("/", {"do": "stop web", "token": given}, cookie=cookie)
            assert done.status == 403
            assert "Nothing has been done yet" in done.text
            assert world.changes == []

    run(test())


def test_a_token_without_its_cookie_is_none():
    async def test():
        async with World() as world:
            _, token = await shown(world)
            assert (await world.post("/", {"do": "stop web", "token": token})).status == 403
            assert world.changes == []

    run(test())


def test_a_token_of_one_door_opens_no_other():
    async def test():
        async with World() as world:
            other = await world.ask("GET", "/", app=world.door("tcp:[::1]:2"))
            form = {"do": "stop web", "token": other.token}
            assert (await world.post("/", form, cookie=other.cookie)).status == 403
            assert world.changes == []

    run(test())


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/json"]
)
def test_a_body_that_is_no_plain_form_asks_for_nothing(kind):
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            form = {"do": "stop web", "token": token}
            done = await world.post("/", form, cookie=cookie, content_type=kind)
            assert done.status in (303, 403, 404)
            assert world.changes == []

    run(test())


@pytest.mark.parametrize("name", ["*", "w*", "all", "web:*", "nobody", "", "web\n"])
def test_a_name_is_one_that_is_shown_and_never_a_pattern(name):
    async def test():
        async with World(process(), process("worker")) as world:
            cookie, token = await shown(world)
            form = {"do": f"stop {name}", "token": token}
            done = await world.post("/", form, cookie=cookie, accept="application/json")
            assert done.status == 404
            assert not done.json["ok"]
            assert world.changes == []

    run(test())


def test_an_action_that_is_not_known_does_nothing():
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            for action in ("shutdown", "__class__", "env"):
                done = await world.post("/", {"do": f"{action} web", "token": token}, cookie=cookie)
                assert done.status == 303
                page = await world.get(f"/?action={action}&processname=web")
                assert "there is no action" in page.text
            assert world.changes == []

    run(test())


def test_what_pyinit_refuses_is_told_and_so_is_what_takes_longer():
    async def test():
        async with World(fatal()) as world:
            cookie, token = await shown(world)
            form = {"do": "start bad", "token": token}
            world.answers["start"] = Refused("failed", "cannot start bad: exit status 3")
            done = await world.post("/", form, cookie=cookie, accept="application/json")
            assert (done.status, done.json) == (
                409,
                {"ok": False, "message": "cannot start bad: exit status 3"},
            )
            world.answers["start"] = Refused("timeout", "timed out")
            done = await world.post("/", form, cookie=cookie, accept="application/json")
            assert (done.status, done.json) == (
                200,
                {"ok": True, "message": "Start bad: still under way"},
            )

    run(test())


def test_a_message_in_a_link_is_shown_only_if_it_is_ours():
    async def test():
        async with World() as world:
            cookie, _ = await shown(world)
            page = await world.get("/?message=call+0900&kind=done&mark=" + "0" * 64, cookie=cookie)
            assert "call 0900" not in page.text
            assert "call 0900" not in (await world.get("/?message=call+0900")).text

    run(test())


def test_a_read_only_door_shows_no_button_and_takes_no_form():
    async def test():
        async with World(read_only=True) as world:
            page = await world.get("/")
            assert "read-only" in page.text
            assert "<button name=" not in page.text
            assert 'method="post"' not in page.text
            assert "token" not in page.text
            log = await world.get("/tail.html?processname=web")
            assert log.status == 404 or 'method="post"' not in log.text
            link = await world.get("/?action=stopall")
            assert "read-only" in link.text
            assert "Nothing has been done yet" not in link.text
            assert (await world.post("/", {"do": "stop web"})).status == 403
            told = await world.post("/", {"do": "stop web"}, accept="application/json")
            assert (told.status, told.json["ok"]) == (403, False)
            assert world.changes == []

    run(test())


def test_a_form_of_another_site_does_not_even_get_a_question():
    async def test():
        async with World() as world:
            cookie, token = await shown(world)
            form = {"do": "stop web", "token": token}
            done = await world.post("/", form, cookie=cookie, origin="http://evil.example")
            assert done.status == 403
            assert world.changes == []

    run(test())


def test_every_page_comes_with_its_policy_and_is_kept_nowhere():
    async def test():
        async with World() as world:
            for path in ("/", "/?action=stopall", "/tail.html?processname=nobody"):
                page = await world.get(path)
                policy = page.header("content-security-policy")
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert page.header("cache-control") == "no-store"
                assert page.header("x-content-type-options") == "nosniff"
                assert "<script>" not in page.text
                assert "style=" not in page.text
                assert " on" not in page.text.replace(" on ", "").replace(" only", "")
                assert "//" not in page.text.replace("://", "")  # nothing is from elsewhere
                assert "http" not in page.text

    run(test())


def test_our_files_are_served_by_name_and_nothing_else_is():
    async def test():
        async with World() as world:
            page = await world.get("/")
            for name in ("page.css", "page.js", "icon.svg"):
                place = page.text.partition(f"static/{name}")[2].partition('"')[0]
                file = await world.get(f"/static/{name}{place}")
                assert file.status == 200
                assert "immutable" in file.header("cache-control")
                mark = file.header("etag")
                assert (await world.get(f"/static/{name}", if_none_match=mark)).status == 304
            for path in ("..%2Fpage.py", "%2e%2e/app.py", "page.py", "", "page.css%00"):
                assert (await world.get(f"/static/{path}")).status == 404

    run(test())


def test_when_pyinit_is_gone_that_is_said():
    async def test():
        async with World() as world:
            world.hang_up()
            await world.control.lost.wait()
            for path in (
                "/",
                "/?action=stopall",
                "/tail.html?processname=web",
                "/output.txt?processname=web",
            ):
                page = await world.get(path)
                assert page.status == 503
                assert "pyinit does not answer" in page.text

    run(test())


def test_filters_work_without_a_script():
    async def test():
        async with World(process("web"), fatal("bad"), process("worker")) as world:
            page = await world.get("/?q=w&state=RUNNING")
            rows = [
                part.partition(">")[0] for part in page.text.split('<tr role="row" data-name=')[1:]
            ]
            assert [("hidden" in row) for row in rows] == [False, True, False]
            assert "No process fits" in (await world.get("/?q=nothing")).text

    run(test())
