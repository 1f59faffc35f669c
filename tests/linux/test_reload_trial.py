"""A reload is undone when something that it touched does not come up; it says so and why."""

import json

from boxed import Box, eventually, program
from ctl_running import complaint, text
from listening import answers, ask, free_port, listener, server

SLEEP = ("sleep", "600")
BAD = "echo no database; exit 3"


def pid_of(box, name):
    found = json.loads(text(box, "status", "--json"))["processes"]
    return {each["name"]: each["pid"] for each in found}[name]


def test_a_new_version_that_fails_is_undone_with_all_that_came_with_it():
    old = program("web", *SLEEP) + program("db", *SLEEP)
    with Box(old) as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("db", "RUNNING")
        db = pid_of(box, "db")
        new = program("web", BAD, stdout="prefix") + program("db", *SLEEP) + program("api", *SLEEP)
        box.config.write_text(new)
        said = complaint(box, "reload", code=1)
        assert said.startswith("pyinitctl: cannot reload: web: exit status 3")
        assert "the old configuration is in force again" in said
        box.wait_state("web", "RUNNING")
        assert pid_of(box, "db") == db
        eventually(lambda: "api" not in box.status())
        assert box.status()["web"]["state"] == "RUNNING"
        assert "the old one is put back: web: exit status 3" in box.err
        box.config.write_text(old)
        assert text(box, "reload") == "nothing changed\n"
        assert pid_of(box, "db") == db


def test_it_waits_until_what_was_touched_is_up():
    with Box(program("web", *SLEEP, start_seconds=0.5)) as box:
        box.wait_state("web", "RUNNING")
        old = pid_of(box, "web")
        box.config.write_text(program("web", "sleep", "601", start_seconds=0.5))
        assert text(box, "reload") == "restarted: web\n"
        assert box.status()["web"]["state"] == "RUNNING"
        assert pid_of(box, "web") != old


def test_nobody_need_wait_and_another_reload_is_refused_or_waits_meanwhile():
    slow = {"ready": {"delay": "20s"}, "stop": {"timeout": "1s"}}
    with Box(program("web", *SLEEP)) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", "sleep", "601", **slow))
        assert text(box, "reload", "--no-wait") == "restarted: web\n"
        said = complaint(box, "reload", code=1)
        assert "on trial still, it waits for web" in said
        box.send("HUP")
        box.send("HUP")
        box.until("reloading once more after the reload that is under way, which waits for web")
        new = program("web", "sleep", "601", **slow) + program("new", *SLEEP)
        box.config.write_text(new)
        text(box, "reexec")
        text(box, "stop", "web")
        box.wait_state("new", "RUNNING")
        assert box.err.count("reloading once more") == 1


def test_hup_does_the_same_and_the_log_tells():
    with Box(program("web", *SLEEP)) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", "exit 4"))
        box.send("HUP")
        eventually(lambda: "the old one is put back: web: exit status 4" in box.err)
        box.wait_state("web", "RUNNING")


def test_a_failed_version_of_what_others_would_end_with_ends_nothing():
    with Box(program("web", *SLEEP, restart="never")) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", "/nowhere/at/all", "x", restart="never"))
        complaint(box, "reload", code=1)
        box.wait_state("web", "RUNNING")


def test_sockets_that_the_new_plan_has_closed_are_open_again():
    port = free_port()
    old = listener("http", f"127.0.0.1:{port}") + server()
    with Box(old) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("other", "exit 3"))
        complaint(box, "reload", code=1)
        box.wait_state("web", "RUNNING")
        assert ask(port)[1] == "http"


def test_with_a_shared_socket_the_old_run_never_stops_to_answer():
    port = free_port()
    old = listener("http", f"127.0.0.1:{port}") + server()
    with Box(old) as box:
        box.wait_state("web", "RUNNING")
        pid = pid_of(box, "web")
        assert answers(port)
        box.config.write_text(listener("http", f"127.0.0.1:{port}")
                              + program("web", BAD, sockets=["http"]))  # fmt: skip
        complaint(box, "reload", code=1)
        assert pid_of(box, "web") == pid == int(ask(port)[0])


def test_the_reply_tells_the_outcome():
    with Box(program("web", *SLEEP)) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", *SLEEP) + program("api", *SLEEP))
        found = json.loads(text(box, "reload", "--json"))
        assert (found["added"], found["outcome"]) == (["api"], "in force")
        box.config.write_text(program("web", BAD) + program("api", *SLEEP))
        done = box.ctl("reload", "--json")
        assert done.returncode == 1
        error = json.loads(done.stdout)["error"]
        assert (error["outcome"], error["restarted"]) == ("rolled back", ["web"])
        assert error["reason"].startswith("web: exit status 3")


def test_order_comments_and_names_of_files_touch_nothing(tmp_path):
    web, db = program("web", *SLEEP), program("db", *SLEEP)
    with Box(web + db) as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("db", "RUNNING")
        pids = pid_of(box, "web"), pid_of(box, "db")
        box.config.write_text("# the same in another order\n" + db + "\n# and here web\n" + web)
        assert text(box, "reload") == "nothing changed\n"
        (tmp_path / "other.toml").write_text(web)
        box.config.write_text(f'include = ["{tmp_path}/other.toml"]\n' + db)
        assert text(box, "reload") == "nothing changed\n"
        assert (pid_of(box, "web"), pid_of(box, "db")) == pids


def test_who_has_no_run_and_gets_none_is_not_told_to_be_restarted():
    """Stopped by hand, a job between two times, a job that runs, and who starts by hand."""
    job = {"type": "oneshot", "schedule": {"every": "1h"}}
    names = {"stopped": {}, "job": job, "busy": job, "byhand": {"autostart": False}}
    with Box(
        "".join([program(each, "sleep", "600", **keys) for each, keys in names.items()])
    ) as box:
        text(box, "start", "--no-wait", "busy")
        box.wait_state("busy", "RUNNING")
        text(box, "stop", "stopped")
        box.config.write_text(
            "".join([program(each, "sleep", "601", **keys) for each, keys in names.items()])
        )
        assert text(box, "reload") == "adjusted: stopped, job, busy, byhand\n"
        states = {name: row["state"] for name, row in box.status().items()}
        stays = {"stopped": "STOPPED", "job": "STOPPED", "busy": "RUNNING", "byhand": "STOPPED"}
        assert states == stays
