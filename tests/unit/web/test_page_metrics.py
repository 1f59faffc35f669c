"""Numbers for Prometheus: what PID 1 has counted, in a form that its own parser reads."""

import pytest
from page_world import World, run
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from pyinit.protocol.messages import Refused

HOSTILE = 'a"b\\c\n{}<script>'
TOLD = {
    "pid": 1,
    "version": "1.2",
    "state": "running",
    "pyinit": {"uptime_s": 100.0, "cpu_s": 0.5, "rss_bytes": 9000, "fds": 12, "fds_limit": 1024},
    "loop": {"turns": 42, "busy_s": 0.25, "lag_s": 0.003},
    "lost_lines": {"stdout": 3, "stderr": 0},
    "files": [{"path": "/var/log/web.log", "lost_bytes": 77}],
    "processes": [
        {
            "name": HOSTILE,
            "group": "g",
            "program": "p",
            "state": "RUNNING",
            "state_code": 20,
            "ready": True,
            "pid": 7,
            "uptime_s": 5.5,
            "restarts": 2,
            "exits": {"code:3": 1, "signal:9": 1},
            "output_bytes": 1000,
            "cpu_s": 1.25,
            "rss_bytes": 4096,
            "fds": 5,
            "fds_limit": 64,
            "probe": {
                "kind": "http",
                "ok": False,
                "failures": 2,
                "reason": HOSTILE,
                "took_s": 0.5,
                "asked": 9,
                "failed": 3,
                "silent_s": 0.25,
            },
        },
        {
            "name": "idle",
            "group": "idle",
            "program": "idle",
            "state": "STOPPED",
            "state_code": 0,
            "ready": False,
            "pid": 0,
            "uptime_s": 0.0,
            "restarts": 0,
            "exits": {},
            "output_bytes": 0,
            "cpu_s": 0.0,
            "rss_bytes": 0,
            "fds": None,
            "fds_limit": None,
        },
    ],
}
WEB = {"name": HOSTILE, "group": "g", "program": "p"}


async def samples(accept="", families=text_string_to_metric_families):
    async with World() as world:
        world.answers["metrics"] = TOLD
        answer = await world.get("/metrics", accept=accept)
        assert answer.status == 200
        return answer, {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families(answer.text)
            for sample in family.samples
        }


def test_every_number_is_there_under_its_name():
    async def test():
        _, found = await samples()

        def value(sample, **labels):
            return found[sample, frozenset(labels.items())]

        assert value("pyinit_info", version="1.2", state="running") == 1
        assert value("pyinit_uptime_seconds") == 100
        assert value("pyinit_cpu_seconds_total") == 0.5
        assert value("pyinit_open_fds") == 12
        assert value("pyinit_max_fds") == 1024
        assert value("pyinit_resident_memory_bytes") == 9000
        assert value("pyinit_loop_turns_total") == 42
        assert value("pyinit_loop_busy_seconds_total") == 0.25
        assert value("pyinit_loop_lag_seconds") == 0.003
        assert value("pyinit_lost_lines_total", stream="stdout") == 3
        assert value("pyinit_log_file_lost_bytes_total", path="/var/log/web.log") == 77
        assert value("pyinit_process_state", state="RUNNING", **WEB) == 1
        assert value("pyinit_process_state", state="FATAL", **WEB) == 0
        assert value("pyinit_process_state_code", **WEB) == 20
        assert value("pyinit_process_ready", **WEB) == 1
        assert value("pyinit_process_uptime_seconds", **WEB) == 5.5
        assert value("pyinit_process_restarts_total", **WEB) == 2
        assert value("pyinit_process_exits_total", status="code:3", **WEB) == 1
        assert value("pyinit_process_exits_total", status="signal:9", **WEB) == 1
        assert value("pyinit_process_cpu_seconds_total", **WEB) == 1.25
        assert value("pyinit_process_resident_memory_bytes", **WEB) == 4096
        assert value("pyinit_process_open_fds", **WEB) == 5
        assert value("pyinit_process_max_fds", **WEB) == 64
        assert value("pyinit_process_output_bytes_total", **WEB) == 1000
        assert value("pyinit_process_probe_ok", **WEB) == 0
        assert value("pyinit_process_probe_seconds", **WEB) == 0.5
        assert value("pyinit_process_probe_failures", **WEB) == 2
        assert value("pyinit_process_probe_asked_total", **WEB) == 9
        assert value("pyinit_process_probe_failed_total", **WEB) == 3
        assert value("pyinit_process_watchdog_silent_seconds", **WEB) == 0.25

    run(test())


def test_what_nobody_counts_is_left_out():
    async def test():
        _, found = await samples()
        named = {name for name, labels in found if ("name", "idle") in labels}
        assert "pyinit_process_open_fds" not in named
        assert "pyinit_process_probe_ok" not in named
        assert "pyinit_process_state" in named

    run(test())


@pytest.mark.parametrize(
    ("accept", "kind", "families"),
    [
        ("", "text/plain", text_string_to_metric_families),
        ("text/plain;version=0.0.4", "text/plain", text_string_to_metric_families),
        ("application/openmetrics-text", "application/openmetrics-text", openmetrics_families),
    ],
)
def test_the_scraper_chooses_the_format(accept, kind, families):
    async def test():
        answer, found = await samples(accept, families)
        assert answer.header("content-type").startswith(kind)
        assert len(found) > 40

    run(test())


def test_a_scrape_that_pyinit_refuses_is_no_empty_success():
    async def test():
        async with World() as world:
            world.answers["metrics"] = Refused("busy", "too much at a time")
            answer = await world.get("/metrics")
            assert (answer.status, answer.text) == (503, "too much at a time\n")
            world.hang_up()
            await world.control.lost.wait()
            assert (await world.get("/metrics")).status == 503

    run(test())
