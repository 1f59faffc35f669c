"""What is in the images, and what is not."""

import io
import tarfile

import pytest

MEGABYTE = 1_000_000
BOUNDS = {"default": 28 * MEGABYTE, "core": 18 * MEGABYTE}


def listing(boxes, image):
    """Return the entries of an image's file system by path."""
    box = boxes.create(image)
    data = io.BytesIO(b"".join(box.container.export()))
    with tarfile.open(fileobj=data) as archive:
        return {entry.name: entry for entry in archive}


@pytest.mark.parametrize("target", sorted(BOUNDS))
def test_an_image_from_scratch_is_within_its_bound(engine, images, target):
    size = engine.images.get(images[target]).attrs["Size"]
    assert size <= BOUNDS[target], f"{size / MEGABYTE:.1f} MB"


@pytest.mark.parametrize("target", sorted(BOUNDS))
def test_an_image_from_scratch_has_no_shell_no_apt_and_no_source(boxes, images, target):
    names = listing(boxes, images[target])
    programs = {name.rpartition("/")[2] for name in names if "/bin/" in f"/{name}"}
    assert programs >= {"pyinit", "pyinitctl", "tini", "dumb-init", "python3"}
    assert not programs & {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "env", "ls"}
    assert not [name for name in names if name.endswith(".py")]
    assert not [name for name in names if "libssl" in name or "libcrypto" in name]


def test_what_a_go_program_expects_is_there(boxes, image):
    entries = listing(boxes, image)
    names = set(entries)
    assert names >= {
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/zoneinfo/Europe/Berlin",
        "etc/passwd",
        "etc/group",
        "etc/nsswitch.conf",
        "etc/os-release",
        "etc/pyinit/conf.d",
    }
    assert entries["tmp"].mode & 0o7777 == 0o1777
    assert entries["home/nonroot"].uid == 65532
    assert not [name for name in names if entries[name].mode & 0o6000 and entries[name].isfile()]


def test_the_licences_of_everything_shipped_are_there(boxes, image):
    names = listing(boxes, image)
    for package in ("pyinit", "python3.13-minimal", "libc6", "zlib1g", "python3-tomli", "tzdata"):
        assert f"usr/share/doc/{package}/copyright" in names, package
    assert "var/lib/dpkg/status.d/libc6" in names


def test_the_users_are_root_nobody_and_nonroot(boxes, image):
    code = "print(sorted(l.split(':')[0] + l.split(':')[2] for l in open('/etc/passwd')))"
    box = boxes.run(image, "/usr/bin/python3", "-I", "-S", "-c", code)
    assert box.wait() == 0
    assert "['nobody65534', 'nonroot65532', 'root0']" in box.logs()


@pytest.mark.parametrize("target", ["default", "core", "debian"])
def test_an_image_says_how_it_is_run(engine, images, target):
    config = engine.images.get(images[target]).attrs["Config"]
    assert config["Entrypoint"] == ["/usr/bin/pyinit"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/pyinitctl", "health"]
    assert not config["User"]


@pytest.mark.parametrize("target", ["default", "core", "debian"])
def test_every_command_of_an_image_runs(boxes, images, target):
    box = boxes.run(
        images[target], "/usr/bin/python3", "-I", "-S", "-c", "import time;time.sleep(99)"
    )
    for command in ("pyinit", "pyinitctl", "tini", "dumb-init"):
        code, output = box.run(command, "--version")
        assert code == 0, f"{command}: {output}"
    code, output = box.run("pyinitctl", "schema")
    assert code == 0, output


def test_the_debian_target_has_a_shell_and_apt(boxes, images):
    box = boxes.run(images["debian"], "sh", "-c", "apt-get --version >/dev/null && exit 7")
    assert box.wait() == 7, box.logs()


def test_no_configuration_and_no_command_is_an_error_that_tells_the_fix(boxes, image):
    box = boxes.run(image)
    assert box.wait() == 78
    assert "/etc/pyinit/pyinit.toml" in box.logs()
