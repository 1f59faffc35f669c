"""What is in the images, and what is not."""

import io
import tarfile

import pytest
from boxes import PYTHON, build

MEGABYTE = 1_000_000
BOUNDS = {"default": 28 * MEGABYTE, "core": 18 * MEGABYTE}


FOREVER = "import time\nwhile True: time.sleep(60)"
COMPILED = """
found, checked = 0, []
def walk(place):
    global found
    for name in posix.listdir(place):
        path = place + "/" + name
        if name.endswith(".pyc"):
            with open(path, "rb") as file:
                head = file.read(8)
            found += 1
            if head[4:] != b"\\1\\0\\0\\0":
                checked.append(path)
        elif posix.stat(path).st_mode & 0o170000 == 0o040000:
            walk(path)
walk("/usr/lib/python3.13")
print(found, checked)
"""


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
    assert not programs & {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "ls", "cat"}
    assert len(programs) < 12
    assert not [name for name in names if name.endswith(".py")]
    if target == "core":  # the gateway speaks TLS; nothing else does
        assert not [name for name in names if "libssl" in name or "libcrypto" in name]


@pytest.mark.parametrize("target", sorted(BOUNDS))
def test_nothing_but_tmp_may_be_written_by_everybody_and_nothing_is_setuid(boxes, images, target):
    entries = listing(boxes, images[target])
    ours = {name: entry for name, entry in entries.items() if not name.startswith(("dev", "proc"))}
    open_to_all = {name for name, e in ours.items() if e.mode & 0o002 and not e.issym()}
    assert open_to_all == {"tmp", "var/tmp"}
    assert not [name for name, entry in ours.items() if entry.mode & 0o6000 and entry.isfile()]
    owners = {(e.uid, e.gid) for name, e in ours.items() if not name.startswith("home/nonroot")}
    assert owners == {(0, 0)}


@pytest.mark.parametrize("target", sorted(BOUNDS))
def test_compiled_modules_are_never_checked_against_a_source(boxes, images, target):
    look = "import posix, marshal\n" + COMPILED
    code, output = boxes.run(images[target], *PYTHON, FOREVER).run(*PYTHON, look)
    assert code == 0, output
    count, others = output.split(maxsplit=1)
    assert int(count) > 30
    assert others.strip() == "[]"


def test_a_start_loads_few_modules_and_no_site(boxes, image):
    box = boxes.run(image, *PYTHON, FOREVER)
    words = ["/usr/bin/python3", "-X", "importtime", "-I", "-S", "/usr/bin/pyinit", "--version"]
    code, output = box.run(*words)
    assert code == 0, output
    loaded = {line.rpartition("|")[2].strip() for line in output.splitlines() if "|" in line}
    assert "pyinit.cli.init" in loaded
    assert not loaded & {"site", "os", "re", "enum", "signal", "typing", "json", "__future__"}
    assert len([name for name in loaded if name.startswith("pyinit.")]) < 9


AGAIN = """
import hashlib, os, subprocess, sys
WORDS = [sys.executable, "-X", "no_debug_ranges", "/src/scripts/assemble.py"]
def told(root):
    for above, directories, files in os.walk(root):
        for name in [".", *directories, *files]:
            path = os.path.join(above, name)
            found = os.lstat(path)
            link = os.readlink(path) if os.path.islink(path) else ""
            data = b""
            if not link and os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read()
            shown = [oct(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns, link]
            shown += [found.st_nlink if data else 0, os.listxattr(path, follow_symlinks=False)]
            yield os.path.relpath(path, root), (*map(str, shown), hashlib.sha256(data).hexdigest())
for root, more in (("core", ["--leave-out", "web"]), ("default", []), ("guest", ["--guest"])):
    again = f"/again/{root}"
    subprocess.run([*WORDS, *more, again], check=True, stderr=subprocess.DEVNULL)
    one, other = dict(told(f"/root-{root}")), dict(told(again))
    differing = sorted(each for each in one.keys() | other if one.get(each) != other.get(each))
    assert not differing, [(each, one.get(each), other.get(each)) for each in differing[:9]]
    print(root, len(one))
"""


def test_the_same_sources_make_the_same_files(engine, boxes, base):
    """As they were made when the image was built, and as they are made anew, elsewhere and now."""
    builder = build("pyinit-test:builder", "--target", "builder", ".")
    box = boxes.run(builder, "python3", "-c", AGAIN)
    assert box.wait(within_s=240) == 0, box.logs()
    counts = dict(line.split() for line in box.logs().splitlines())
    assert counts.keys() == {"core", "default", "guest"}
    assert all(int(count) > 30 for count in counts.values())


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


def test_the_debian_target_has_the_manual_pages(boxes, images):
    test = "cd /usr/share/man && test -s man1/pyinit.1 && test -s man5/pyinit.toml.5 && exit 7"
    box = boxes.run(images["debian"], "sh", "-c", test)
    assert box.wait() == 7, box.logs()


def test_no_configuration_and_no_command_is_an_error_that_tells_the_fix(boxes, image):
    box = boxes.run(image)
    assert box.wait() == 78
    assert "/etc/pyinit/pyinit.toml" in box.logs()
