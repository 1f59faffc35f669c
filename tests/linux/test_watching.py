"""watch: what changes in the files of a program reaches that program, and no other."""

import os
import time

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program

from pyinit.runtime.echoes import ECHOES
from pyinit.runtime.watch_child import PATIENCE_S

SAYS = "trap 'echo told' HUP; echo started $VALUE$SECRET; while :; do sleep 0.1; done"
OTHER = program("other", "echo other started; exec sleep 600")
SETTLED_S = 1.0
TICK = "sleep 0.05"  # so much later a file's time is surely told from the beginning of a run


def put(path, text):
    """Rename a new file over the old one, as careful writers do."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.replace(path)


def overwrite(path, text):
    path.write_text(text)


def watched(box, times=1):
    """Wait until pyinit's child has looked at everything for the first time."""
    child = eventually(lambda: next((one for one in box.processes() if is_child(one)), None))
    start = time.monotonic()
    eventually(lambda: time.monotonic() > start + SETTLED_S)
    return child


def is_child(one):
    return one.words and "pyinit" in " ".join(one.words) and one.inner != 1


def count(box, text):
    return box.out.count(text + "\n")


def settled(seconds=1.5):
    start = time.monotonic()
    eventually(lambda: time.monotonic() > start + seconds)


@pytest.mark.parametrize("write", [put, overwrite])
def test_a_new_env_file_gives_its_program_a_new_run(tmp_path, write):
    env = tmp_path / "web.env"
    env.write_text("VALUE=one\n")
    web = program("web", SAYS, env_file=str(env), watch=True)
    with Box(web + OTHER) as box:
        box.until("started one", out=True)
        watched(box)
        write(env, "VALUE=two\n")
        box.until("started two", out=True)
        assert count(box, "other started") == 1
        write(env, "VALUE=three\n")
        box.until("started three", out=True)


def test_the_files_of_init_are_watched_for_whoever_has_variables_of_them(tmp_path):
    shared = tmp_path / "all.env"
    shared.write_text("VALUE=one\n")
    init = f'[init]\nenv_file = "{shared}"\n'
    mine = program("mine", "echo mine; exec sleep 600", env={"VALUE": "mine"})
    with Box(init + program("web", SAYS, watch=True) + mine) as box:
        box.until("started one", out=True)
        watched(box)
        put(shared, "VALUE=two\n")
        box.until("started two", out=True)
        assert count(box, "mine") == 1


def test_a_file_that_is_only_touched_has_not_changed(tmp_path):
    env = tmp_path / "web.env"
    env.write_text("VALUE=one\n")
    with Box(program("web", SAYS, env_file=str(env), watch=True)) as box:
        box.until("started one", out=True)
        watched(box)
        box.until("web: up")
        said = len(box.err)
        put(env, "VALUE=one\n")
        os.utime(env)
        settled()
        assert count(box, "started one") == 1
        assert "has changed" not in box.err[said:]
        put(env, "VALUE=two\n")
        box.until("started two", out=True)


def test_a_new_secret_gives_a_new_run_to_those_that_use_it(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one")
    web = program("web", SAYS, secrets={"SECRET": str(secret)}, watch=True)
    unwatched = program("old", "echo old $SECRET; exec sleep 600", secrets={"SECRET": str(secret)})
    with Box(web + unwatched + OTHER) as box:
        box.until("started one", out=True)
        watched(box)
        put(secret, "two")
        box.until("started two", out=True)
        assert count(box, "other started") == 1
        assert "old two" not in box.out
        assert "two" not in box.err


def test_a_program_with_a_reload_signal_is_signalled(tmp_path):
    conf = tmp_path / "app.conf"
    conf.write_text("one")
    web = program("web", SAYS, watch=[str(conf)], reload={"signal": "HUP"})
    with Box(web) as box:
        box.until("started", out=True)
        watched(box)
        put(conf, "two")
        box.until("told", out=True)
        assert box.out.count("started") == 1


def test_the_reload_command_of_a_program_is_run(tmp_path):
    conf = tmp_path / "app.conf"
    conf.write_text("one")
    web = program(
        "web", SAYS, watch=[str(conf)], reload={"command": ["sh", "-c", f"cp {conf} {conf}.seen"]}
    )
    with Box(web) as box:
        box.until("started", out=True)
        watched(box)
        put(conf, "two")
        seen = tmp_path / "app.conf.seen"
        eventually(lambda: seen.exists() and seen.read_text() == "two")
        assert box.out.count("started") == 1


def volume(top, generation, **files):
    """Change a volume as kubelet does: a new directory, and one link that is put in its place."""
    new = top / f"..{generation}"
    new.mkdir(parents=True)
    for name, text in files.items():
        (new / name).write_text(text)
        if not (top / name).is_symlink():
            (top / name).symlink_to(f"..data/{name}")
    old = os.readlink(top / "..data") if (top / "..data").is_symlink() else None
    (top / "..data_tmp").symlink_to(new.name)
    (top / "..data_tmp").rename(top / "..data")
    if old:
        for each in (top / old).iterdir():
            each.unlink()
        (top / old).rmdir()


def test_a_volume_of_kubernetes_is_one_change(tmp_path):
    volume(tmp_path / "v", 1, env="VALUE=one\n", token="-a")
    web = program(
        "web",
        SAYS,
        env_file=str(tmp_path / "v/env"),
        secrets={"SECRET": str(tmp_path / "v/token")},
        watch=True,
    )
    with Box(web + OTHER) as box:
        box.until("started one-a", out=True)
        watched(box)
        volume(tmp_path / "v", 2, env="VALUE=two\n", token="-b")
        box.until("started two-b", out=True)
        settled()
        assert box.out.count("started two") == 1  # not once for each of its files
        volume(tmp_path / "v", 3, env="VALUE=two\n", token="-c")
        box.until("started two-c", out=True)


def test_a_directory_is_watched_with_all_that_is_in_it(tmp_path):
    (tmp_path / "conf/sub").mkdir(parents=True)
    (tmp_path / "conf/sub/a").write_text("one")
    with Box(program("web", SAYS, watch=[str(tmp_path / "conf")])) as box:
        box.until("started", out=True)
        watched(box)
        (tmp_path / "conf/sub/a").write_text("two")
        eventually(lambda: count(box, "started ") + count(box, "started") == 2)
        settled(0.5)
        (tmp_path / "conf/b").write_text("new")
        eventually(lambda: count(box, "started ") + count(box, "started") == 3)


def test_a_release_that_is_switched_by_a_link_is_noticed(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "env").write_text(f"VALUE={name}\n")
    current = tmp_path / "current"
    current.symlink_to("one")
    with Box(program("web", SAYS, env_file=str(current / "env"), watch=True)) as box:
        box.until("started one", out=True)
        watched(box)
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(current)
        box.until("started two", out=True)


def test_an_env_file_with_a_fault_leaves_everything_as_it_is(tmp_path):
    env = tmp_path / "web.env"
    env.write_text("VALUE=one\n")
    with Box(program("web", SAYS, env_file=str(env), watch=True)) as box:
        box.until("started one", out=True)
        watched(box)
        put(env, "no variable\n")
        box.until("not reloading")
        assert box.status()["web"]["state"] == "RUNNING"
        put(env, "VALUE=two\n")
        box.until("started two", out=True)


def test_a_file_that_is_gone_is_waited_for(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one")
    with Box(program("web", SAYS, secrets={"SECRET": str(secret)}, watch=True)) as box:
        box.until("started one", out=True)
        watched(box)
        secret.unlink()
        box.until("is gone; waiting for it to be back")
        assert box.status()["web"]["state"] == "RUNNING"
        put(secret, "two")
        box.until("started two", out=True)


def test_a_file_that_is_not_there_yet_is_told_of_and_waited_for(tmp_path):
    missing = tmp_path / "late"
    with Box(program("web", SAYS, watch=[str(missing)])) as box:
        box.until(f'"{missing}" is not there; waiting for it')
        box.wait_state("web", "RUNNING")
        put(missing, "here")
        box.until(f'"{missing}" has changed')
        eventually(lambda: count(box, "started") == 2)


def test_a_change_during_a_reexec_is_not_lost(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one")
    with Box(program("web", SAYS, secrets={"SECRET": str(secret)}, watch=True)) as box:
        box.until("started one", out=True)
        child = watched(box)
        os.kill(child.pid, 19)  # STOP: it is as if it had no time to look
        put(secret, "two")
        done = box.ctl("reexec")
        assert done.returncode == 0, done.stderr
        box.until("started two", out=True)


def test_a_change_before_the_first_look_is_not_lost(tmp_path):
    """The program itself changes its secret, at its very start: nobody can have looked before."""
    secret = tmp_path / "token"
    secret.write_text("one")
    change = f"echo two > {secret}.new; mv {secret}.new {secret}"
    script = f"{TICK}; [ $SECRET = two ] || {{ {change}; }}; {SAYS}"
    with Box(program("web", script, secrets={"SECRET": str(secret)}, watch=True)) as box:
        box.until("started two", out=True)
        settled()
        assert box.out.count("started") == 2


def test_of_many_files_only_those_are_told_of_that_have_changed(tmp_path):
    """At the first look, too, when the program has changed one of them already."""
    first, second, third = [tmp_path / f"{name}.conf" for name in "abc"]
    third.write_text("as it was")
    written = time.monotonic()
    eventually(lambda: time.monotonic() > written + 0.2)
    web = program(
        "web",
        f"{TICK}; [ -e {first} ] || echo new > {first}; {SAYS}",
        watch=[str(first), str(second), str(third)],
        reload={"signal": "HUP"},
    )
    with Box(web) as box:
        box.until(f'"{first}" has changed')
        box.until("told", out=True)
        assert f'"{second}" is not there' in box.err
        assert f'"{second}" has changed' not in box.err
        assert f'"{third}" has changed' not in box.err


def test_files_that_were_there_before_are_no_change(tmp_path):
    for name in ("env", "token"):
        (tmp_path / name).write_text("VALUE=one")
    written = time.monotonic()  # a moment before, it could not be told from a change after it
    eventually(lambda: time.monotonic() > written + 0.2)
    files = {"env_file": str(tmp_path / "env"), "secrets": {"SECRET": str(tmp_path / "token")}}
    with Box(program("web", SAYS, **files, watch=True)) as box:
        box.until("started", out=True)
        watched(box)
        settled()
        assert box.out.count("started") == 1
        assert "has changed" not in box.err
        assert "reloading" not in box.err


def test_what_was_written_just_before_a_reload_reads_it_is_no_change_after_it(tmp_path):
    env = tmp_path / "web.env"
    with Box(OTHER) as box:
        box.until("other started", out=True)
        env.write_text("VALUE=one\n")
        box.config.write_text(OTHER + program("web", SAYS, env_file=str(env), watch=True))
        box.ctl("reload")
        box.until("started one", out=True)
        watched(box)
        settled()
        assert box.err.count("reloading") == 1
        assert "has changed" not in box.err
        put(env, "VALUE=two\n")
        box.until("started two", out=True)


def test_others_may_be_busy_in_the_same_directory(tmp_path):
    """What they do there is seen and does not matter: a change is told when it is over itself."""
    env = tmp_path / "web.env"
    env.write_text("VALUE=one\n")
    web = program("web", SAYS, env_file=str(env), watch=True)
    noisy = f"while :; do : > {tmp_path}/noise; sleep 0.02; done"
    with Box(web + program("noisy", noisy)) as box:
        box.until("started one", out=True)
        watched(box)
        for number in range(8):
            began = time.monotonic()
            put(env, f"VALUE=more{number}\n")
            box.until(f"started more{number}", out=True)
            if time.monotonic() - began < PATIENCE_S:  # at least once, however slow the machine is
                break
        else:
            raise AssertionError(f"a change is always told {PATIENCE_S} s late")


def test_a_program_that_writes_where_it_is_watched_is_soon_left_in_peace(tmp_path):
    script = f"{TICK}; echo $$ > {tmp_path}/made.conf; {SAYS}"
    web = program("web", script, watch=[str(tmp_path)])
    with Box(web) as box:
        box.until("; acted on in 5 s")
        assert box.err.count('does "web" write there') == 1
        settled()
        assert count(box, "started") == 1 + ECHOES


def test_a_child_that_dies_is_followed_by_another(tmp_path):
    env = tmp_path / "web.env"
    env.write_text("VALUE=one\n")
    with Box(program("web", SAYS, env_file=str(env), watch=True)) as box:
        box.until("started one", out=True)
        os.kill(watched(box).pid, 9)
        put(env, "VALUE=two\n")
        box.until("started two", out=True)


def test_a_job_reads_the_new_content_when_it_is_started_next(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one")
    text = program("job", SAYS, secrets={"SECRET": str(secret)}, watch=True, type="oneshot")
    with Box(text) as box:
        box.until("started one", out=True)
        watched(box)
        put(secret, "two")
        box.until("has changed")
        settled(0.5)
        assert box.out.count("started") == 1


@needs_root
def test_an_ordinary_user_watches_too():
    with Box(OTHER, uid=ORDINARY) as box:
        box.until("other started", out=True)
        env = box.place / "web.env"
        env.write_text("VALUE=one\n")
        env.chmod(0o644)
        box.config.write_text(OTHER + program("web", SAYS, env_file=str(env), watch=True))
        box.ctl("reload")
        box.until("started one", out=True)
        watched(box)
        put(env, "VALUE=two\n")
        box.until("started two", out=True)
