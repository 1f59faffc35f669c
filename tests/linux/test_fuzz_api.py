"""The API of a real pyinit, attacked by its own document over a real socket."""

import attacking
import schemathesis
from boxed import Box, program
from control_raw import assert_unharmed
from doors import free_port

PROGRAMS = (
    program("web", "echo ready; exec sleep 600", stdout="prefix", stderr="prefix")
    + program("pair", "sleep", "600", instances=2, restart={"policy": "always", "max": 0})
    + program("bad", "echo no >&2; exit 3", stderr="prefix", restart="never", critical=False)
    + program("file", "echo in a file; exec sleep 600", stdout={"file": "FILE"})
    + program("cron", "sleep", "600", autostart=False, depends_on={"web": "started"})
)
HURRIED_S = 0.1


def hurry(_context, case):
    """Let nobody wait for long, or for ever: that is what they are to do, and tested elsewhere."""
    query = dict(case.query or {})
    if case.path.endswith("/wait"):
        query.setdefault("timeout_s", str(HURRIED_S))
        if _is_long(query["timeout_s"]):
            query["timeout_s"] = str(HURRIED_S)
    if str(query.get("follow")).lower() in ("true", "1", "yes"):
        query["follow"] = "false"
    if query:
        case.query = query
    if isinstance(case.body, dict):
        for name in ("timeout_s", "delay_s"):
            value = case.body.get(name)
            if isinstance(value, int | float) and value is not True and value > HURRIED_S:
                case.body[name] = HURRIED_S
    return case


def _is_long(word):
    try:
        return float(word) > HURRIED_S
    except (TypeError, ValueError):
        return False


def test_an_attack_over_a_socket_finds_nothing_and_harms_nobody(tmp_path):
    log = str(tmp_path / "file.log")
    port = free_port()
    door = f'[init]\nexit = "never"\n[web]\nlisten = "127.0.0.1:{port}"\n'
    with Box(door + PROGRAMS.replace('"FILE"', f'"{log}"')) as box:
        box.wait_state("web", "RUNNING")
        url = f"http://127.0.0.1:{port}/api/v1/openapi.json"
        config = attacking.settings(
            2, without=("shutdown", "reexec"), checks=("ignored_auth",), coverage=False
        )
        schema = schemathesis.openapi.from_url(url, config=config)
        schema.hook("map_case")(hurry)
        report = attacking.Report(schema)
        assert report.findings == []
        assert report.requests > 30
        assert "cannot answer" not in box.err
        assert_unharmed(box)
