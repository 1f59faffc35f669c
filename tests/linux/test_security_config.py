"""What root reads for others, and what it is told to run: from nobody who should not say it."""

import os
import subprocess

import pytest
from boxed import ORDINARY, Box, needs_root, program, python, start_words

pytestmark = needs_root

SHADOW = "root:$6$salt$hash:1:0:99999:7:::\n"
TELL = "import os; print('told', os.environ.get('GIVEN'), flush=True)"
ONCE = {"type": "oneshot", "restart": "never", "critical": False}
# As kubelet lays out a ConfigMap or a Secret: everything is a link, in a directory that is open.
MOUNTED = """
mkdir -p $0 && mount -t tmpfs -o mode=1777 tmpfs $0 && mkdir $0/..2026_11_26 || exit 99
cp {source} $0/..2026_11_26/{name} && chmod {mode} $0/..2026_11_26/{name}
ln -s ..2026_11_26 $0/..data && ln -s ..data/{name} $0/{name}
mount -o remount,ro $0 && exec "$@"
"""


def users_place(tmp_path):
    """Return a directory of the program's own user, and a file that only root may read."""
    shadow = tmp_path / "shadow"
    shadow.write_text(SHADOW)
    shadow.chmod(0o600)
    place = tmp_path / "app"
    place.mkdir()
    os.chown(place, ORDINARY, ORDINARY)
    return place, shadow


def link(path, target):
    path.symlink_to(target)
    os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)


def teller(name, **keys):
    return program(name, *python(TELL), user=str(ORDINARY), **ONCE, **keys)


def test_a_secret_is_no_way_to_have_root_read_a_file_for_a_program(tmp_path):
    place, shadow = users_place(tmp_path)
    link(place / "linked", shadow)
    link(place / "directory", tmp_path)
    os.link(shadow, place / "hard")
    paths = [place / "linked", place / "directory" / "shadow", place / "hard"]
    config = [teller(f"web{n}", secrets={"GIVEN": str(each)}) for n, each in enumerate(paths)]
    with Box("".join(['[init]\nexit = "all-done"\n', *config])) as box:
        assert box.wait() == 126
        told = [line for line in box.err.splitlines() if "cannot read a secret of" in line]
        assert [str(path) in line for path, line in zip(paths, told, strict=True)] == [True] * 3
        assert "hash" not in box.out + box.err
        assert "told" not in box.out


def test_a_secret_that_everybody_may_write_is_refused(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("value")
    secret.chmod(0o666)
    with Box(teller("web", secrets={"GIVEN": str(secret)})) as box:
        box.until('everybody may write it: "chmod o-w" it, or mount it read-only')
        assert "told" not in box.out


@pytest.mark.parametrize("owner", [0, ORDINARY])
def test_a_secret_may_be_a_link_to_what_its_maker_may_read(tmp_path, owner):
    place, _ = users_place(tmp_path)
    os.chown(place, owner, owner)
    (place / "version-2").write_text("value")
    (place / "token").symlink_to("version-2")
    for each in place.iterdir():
        os.chown(each, owner, owner, follow_symlinks=False)
    with Box(teller("web", secrets={"GIVEN": str(place / "token")})) as box:
        box.until("told value\n", out=True)


def test_a_file_of_variables_is_no_way_either(tmp_path):
    place, shadow = users_place(tmp_path)
    link(place / ".env", shadow)
    with Box(teller("web", env_file=str(place / ".env"))) as box:
        assert box.wait() == 78
        assert "a link that another user may have made leads to it" in box.err
        assert "hash" not in box.err
    (place / ".env").unlink()
    (place / ".env").write_text("GIVEN=value\n")
    with Box(teller("web", env_file=str(place / ".env"))) as box:
        box.until("told value\n", out=True)
    (place / ".env").chmod(0o666)
    with Box(teller("web", env_file=str(place / ".env"))) as box:
        assert box.wait() == 78
        assert f'"{place}/.env": everybody may write it: "chmod o-w" it' in box.err


def test_a_configuration_that_everybody_may_write_is_not_run(tmp_path):
    path = tmp_path / "more.toml"
    path.write_text(program("web", "true", **ONCE))
    path.chmod(0o666)
    with Box('include = ["' + str(path) + '"]') as box:
        assert box.wait() == 78
        assert f"{path}: everybody may write it, and root runs what it says\n" in box.err
        assert '"chmod o-w" it, or mount it read-only' in box.err
    path.chmod(0o644)
    with Box('include = ["' + str(path) + '"]') as box:
        assert box.wait() == 0


def test_a_reload_of_what_everybody_may_write_changes_nothing():
    with Box(program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", "sleep", "700"))
        box.config.chmod(0o666)
        done = box.ctl("reload")
        assert done.returncode == 1
        assert "everybody may write it" in done.stderr
        assert any(one.words == ("sleep", "600") for one in box.processes())


def test_a_configuration_of_a_programs_own_user_is_warned_of():
    with Box(program("web", "sleep", "600", user=str(ORDINARY))) as box:
        box.wait_state("web", "RUNNING")
        os.chown(box.config, ORDINARY, ORDINARY)
        done = subprocess.run(
            [*start_words("ctl"), "check", str(box.config)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert 'it belongs to the user of "web", and root runs what it says' in (
            done.stdout + done.stderr
        )


def test_what_kubernetes_mounts_is_read_whatever_its_mode(tmp_path):
    config, token, place = tmp_path / "pyinit.toml", tmp_path / "token", tmp_path / "mounted"
    token.write_text("value")
    config.write_text(teller("web", secrets={"GIVEN": f"{place}-token/token"}))
    inside = []
    for source, at in ((config, place), (token, f"{place}-token")):
        script = MOUNTED.format(source=source, name=source.name, mode="0777")
        inside += ["sh", "-c", script, str(at)]
    with Box(options=("-c", f"{place}/pyinit.toml"), inside=inside) as box:
        box.until("told value\n", out=True)
        assert box.wait() == 0
