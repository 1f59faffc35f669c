"""The page in a real browser: what its users do, and what others try on them."""

import json

import pytest
from boxed import program
from browsing import Browser
from test_web_api import PASSWORD, USER, Api

PLANTED = "<script>window.planted=1</script><img src=x onerror=window.planted=2>"
NAME = "<script>planted()<script>"
CHATTY = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.2; done'
PROGRAMS = (
    program("web", CHATTY, stdout="prefix", stderr="prefix")
    + program("crash", "sleep", "600", restart="never", critical=False)
    + program("twin", "sleep", "600", instances=2)
    + program("planted", f"printf '%s\\n' '{PLANTED}'; exec sleep 600", stdout="prefix")
    + program("idle", "sleep", "600", autostart=False)
    + f"[program.{json.dumps(NAME)}]\n"
    + 'command = ["/nowhere/<b>bold</b>"]\nrestart = { max = 1, delay = "10ms" }\n'
    + "critical = false\n"
)  # fmt: skip
LIVE = "document.getElementById('live').textContent === 'live'"


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def api():
    with Api(PROGRAMS) as found:
        for name in ("web", "crash", "twin:0", "twin:1", "planted"):
            found.box.wait_state(name, "RUNNING")
        found.box.wait_state(NAME, "FATAL")
        yield found


@pytest.fixture
def visit(browser, api):
    """Return what opens a page as somebody who has the password; no page may have a fault."""
    pages = []

    def open_page(path="", **options):
        key = {"user": USER, "password": PASSWORD}
        page = browser.open(f"http://127.0.0.1:{api.port}/{path}", **key, **options)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.settle()
        assert page.faults == []
        assert page.dialogs == []
        assert {url.split("/")[2] for url in page.requests} == {f"127.0.0.1:{api.port}"}
        page.close()


def row(name):
    return f"[...document.querySelectorAll('tr[data-name]')].find(r => r.dataset.name === {json.dumps(name)})"


def state_of(name):
    return f"{row(name)}.dataset.state"


def button(name, action):
    return f'button[value="{action} {name}"]'


def test_one_logs_in_sees_a_crash_restarts_it_and_follows_a_log(visit, api):
    page = visit()
    page.until(LIVE)
    assert page.ask(state_of("crash")) == "RUNNING"
    page.until(f"{row('twin:1')}.textContent.includes(' %')")  # two looks at it
    assert [url.split("/", 3)[3] for url in page.requests].count("") == 1  # and no reload
    old = api.box.status()["crash"]["pid"]
    api.box.ctl("signal", "SEGV", "crash")
    page.until(f"{state_of('crash')} === 'EXITED'")
    page.until(f"{row('crash')}.textContent.includes('killed by SIGSEGV')")
    assert "crash" in page.ask("document.getElementById('spoken').textContent")
    page.click(button("crash", "start"))
    page.until("document.getElementById('message').textContent === 'Process crash started'")
    page.until(f"{state_of('crash')} === 'RUNNING'")
    assert api.box.wait_state("crash", "RUNNING")["pid"] != old
    page.click(button("crash", "restart"))
    page.until("document.getElementById('message').textContent === 'Process crash restarted'")
    page.does_load(lambda: page.click('a[aria-label="Tail stdout of web"]'))
    page.until(LIVE)
    seen = page.ask("document.getElementById('log').textContent.match(/line \\d+/g).length")
    page.until(
        f"document.getElementById('log').textContent.match(/line \\d+/g).length > {seen + 3}"
    )


def test_a_script_that_a_program_prints_or_is_called_stays_text(visit):
    page = visit()
    page.until(LIVE)
    page.until(f"{row(NAME)}.textContent.includes('<b>bold</b>')")
    assert page.ask(f"{row(NAME)}.querySelector('th').textContent") == NAME
    assert page.ask("document.querySelectorAll('img[onerror], tr b, body script').length") == 0
    log = visit("tail.html?processname=planted")
    log.until(LIVE)
    log.until(f"document.getElementById('log').textContent.includes({json.dumps(PLANTED)})")
    for each in (page, log):
        assert each.ask("window.planted") is None
        assert each.ask("document.scripts.length") == 1
        assert each.ask("document.querySelectorAll('[onerror], [onload], [style]').length") == 0


def test_even_a_script_in_the_page_would_not_run(browser, api):
    page = browser.open(f"http://127.0.0.1:{api.port}/", user=USER, password=PASSWORD)
    page.ask(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.planted = 4'}))"
    )
    page.ask(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.planted=5>')"
    )
    page.wait(lambda: any("Content Security Policy" in str(fault) for fault in page.faults))
    assert page.ask("window.planted") is None


def test_everything_can_be_done_without_a_mouse(visit, api):
    page = visit()
    page.until(LIVE)
    page.press("/")
    assert page.ask("document.activeElement.type") == "search"
    page.type("twin")
    page.until(
        "[...document.querySelectorAll('tr[data-name]')].filter(r => !r.hidden).length === 2"
    )
    page.press("ArrowDown")
    assert page.ask("document.activeElement.value") == "startgroup twin"
    page.press("ArrowDown")
    assert page.ask("document.activeElement.value") == "restart twin:0"
    page.press("ArrowDown")
    assert page.ask("document.activeElement.value") == "restart twin:1"
    old = api.box.status()["twin:1"]["pid"]
    page.press("Enter")
    page.until("document.getElementById('message').textContent === 'Process twin:1 restarted'")
    assert api.box.wait_state("twin:1", "RUNNING")["pid"] != old
    page.press("/")
    page.press("Escape")
    assert page.ask("[...document.querySelectorAll('tr[data-name]')].every(r => !r.hidden)")
    page.press("Tab")
    assert page.ask("document.activeElement.dataset.filter") == ""


def test_a_screen_reader_is_told_what_everything_is(visit):
    page = visit()
    page.until(LIVE)
    tree = page.tree()
    roles = {role for role, _ in tree}
    assert {"table", "row", "rowheader", "columnheader", "cell", "search", "main"} <= roles
    assert ("heading", "pyinit") in tree or any(role == "heading" and name for role, name in tree)
    for wanted in (
        ("button", "Restart twin:0"),
        ("button", "Stop group twin"),
        ("link", "Tail stderr of web"),
        ("searchbox", "Filter by name"),
        ("columnheader", "Uptime"),
    ):
        assert wanted in tree, sorted(tree)
    nameless = [each for each in tree if each[0] in ("button", "link", "searchbox") and not each[1]]
    assert nameless == []


def test_all_changes_can_be_made_without_scripts(visit, api):
    page = visit(scripts=False)
    page.does_load(lambda: page.click(button("idle", "start")))
    assert api.box.wait_state("idle", "RUNNING")
    assert page.text("#message") == "Process idle started"
    page.does_load(lambda: page.click(button("twin", "stopgroup")))
    assert "Nothing has been done yet" in page.text("main")
    page.does_load(lambda: page.click("button.main"))
    assert page.text("#message") == "Group twin stopped"
    api.box.wait_state("twin:0", "STOPPED")
    page.does_load(lambda: page.click(button("twin", "startgroup")))
    api.box.wait_state("twin:0", "RUNNING")
    page.does_load(lambda: page.click(button("idle", "stop")))
    api.box.wait_state("idle", "STOPPED")
    page.does_load(lambda: page.click('a[aria-label="Tail stdout of planted"]'))
    assert PLANTED in page.text("#log")


def test_a_link_from_elsewhere_asks_and_cancelling_is_what_comes_first(visit, api):
    page = visit("?action=stopall")
    assert page.ask("document.querySelector('h1').textContent") == "Stop all programs?"
    assert page.ask("document.activeElement.textContent") == "Cancel"
    page.does_load(lambda: page.press("Enter"))
    assert page.ask("location.search") == ""
    assert api.box.status()["web"]["state"] == "RUNNING"


def test_a_program_that_comes_or_goes_is_seen_without_a_reload(visit, api):
    page = visit()
    page.until(LIVE)
    text = api.box.config.read_text()
    try:
        api.box.config.write_text(text + program("newcomer", "sleep", "600"))
        api.box.ctl("reload")
        page.until(f"!!{row('newcomer')} && {state_of('newcomer')} === 'RUNNING'")
    finally:
        api.box.config.write_text(text)
        api.box.ctl("reload")
    page.until(f"!{row('newcomer')}")


def test_a_log_can_be_held_and_is_taken_up_again(visit):
    page = visit("tail.html?processname=web&stream=stdout")
    page.until(LIVE)
    lines = "document.getElementById('log').textContent.match(/line \\d+/g).length"
    page.click("#pause")
    page.until("/Go on \\(\\d+\\)/.test(document.getElementById('pause').textContent)")
    held = page.ask(lines)
    page.until("parseInt(document.getElementById('pause').textContent.match(/\\d+/)) > 3")
    assert page.ask(lines) == held
    page.click("#pause")
    page.until(f"{lines} > {held + 3}")
    page.click("#wrap")
    assert page.ask("getComputedStyle(document.getElementById('log')).whiteSpace") == "pre"


@pytest.mark.parametrize("width", [360, 870, 1000, 1100])
@pytest.mark.parametrize("path", ["", "tail.html?processname=web", "?action=stopall"])
def test_nothing_is_wider_than_the_screen(visit, path, width):
    page = visit(path, width=width, height=740, touch=width == 360)
    if path != "?action=stopall":
        page.until(LIVE)
    assert page.ask("document.documentElement.scrollWidth") <= width
    wide = page.ask(
        "[...document.querySelectorAll('body *')].filter(e => e.offsetParent &&"
        " e.id !== 'log' && !e.closest('thead, .unseen, .skip') &&"
        f" e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 120))"
    )
    assert wide == []


def test_three_hundred_programs_are_shown_and_filtered_at_once(browser):
    config = "".join(program(f"service-{n:02}", "sleep", "600", instances=12) for n in range(25))
    with Api(config) as api:
        api.box.wait_state("service-24:11", "RUNNING")
        key = {"user": USER, "password": PASSWORD}
        page = browser.open(f"http://127.0.0.1:{api.port}/", **key)
        page.until(LIVE)
        assert page.ask("document.querySelectorAll('tr[data-name]').length") == 300
        page.until("document.querySelector('[data-filter=RUNNING] b').textContent === '300'")
        took_ms = page.ask(
            "(() => { const q = document.querySelector('[type=search]'); q.value = '24:1';"
            " const t = performance.now(); q.dispatchEvent(new Event('input'));"
            " return performance.now() - t })()"
        )
        assert took_ms < 2000
        shown = "[...document.querySelectorAll('tr[data-name]')].filter(r => !r.hidden).length"
        assert page.ask(shown) == 3
        api.box.ctl("stop", "service-24:10")
        page.until(f"{state_of('service-24:10')} === 'STOPPED'")
        assert page.faults == []
