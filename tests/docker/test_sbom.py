"""The list of what an image is made of, compared with what is really in it."""

import io
import json
import re
import tarfile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pyinit import __version__

TARGETS = ["default", "core", "debian"]
PLACE = "usr/share/sbom/pyinit.cdx.json"
MADE_BY_ENGINES = re.compile(
    r"^(\.dockerenv|dev|proc|sys|etc/(hosts|hostname|resolv\.conf|mtab))(/|$)"
)


@pytest.fixture(scope="module")
def roots(engine, images):
    """By target: its files by path, and what can be read of them."""
    found = {}
    for name in TARGETS:
        container = engine.containers.create(images[name])
        try:
            data = io.BytesIO(b"".join(container.export()))
        finally:
            container.remove(force=True)
        with tarfile.open(fileobj=data) as archive:
            found[name] = {
                entry.name: archive.extractfile(entry).read() if wanted(entry) else b""
                for entry in archive
                if not entry.isdir() and not MADE_BY_ENGINES.match(entry.name)
            }
    return found


def wanted(entry):
    text = ("usr/share/sbom/", "var/lib/dpkg/status", "var/lib/dpkg/info/")
    return entry.isfile() and entry.name.startswith(text)


def components(root):
    return json.loads(root[PLACE])["components"]


def places(component):
    return [each["location"] for each in component["evidence"]["occurrences"]]


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_what_the_published_schema_asks_for(roots, target):
    text = roots[target][PLACE].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    own = document["metadata"]["component"]
    assert (own["name"], own["version"]) == ("pyinit", __version__)
    for each in document["components"]:
        assert each["version"], each["name"]
        assert each["licenses"], each["name"]


@pytest.mark.parametrize("target", ["default", "core"])
def test_every_file_of_an_image_belongs_to_a_component(roots, target):
    named = [place for each in components(roots[target]) for place in places(each)]
    whole = tuple([place for place in named if place.endswith("/")])
    there = {f"/{name}" for name in roots[target]}
    assert not [name for name in sorted(there) if name not in named and not name.startswith(whole)]
    assert not [place for place in named if place not in there and not place.endswith("/")]
    assert not [place for place in whole if not [name for name in there if name.startswith(place)]]


def test_on_debian_every_file_of_pyinits_is_named(roots):
    named = {place for each in components(roots["debian"]) for place in places(each)}
    there = {f"/{name}" for name in roots["debian"]}
    assert named <= there
    ours = ("/usr/lib/pyinit/", "/usr/share/sbom/")
    assert {name for name in there if name.startswith(ours)} <= named
    assert {"/usr/bin/pyinit", "/usr/bin/pyinitctl", "/usr/bin/tini"} <= named


@pytest.mark.parametrize("target", ["default", "core"])
def test_versions_are_those_of_the_packages(roots, target):
    told = {
        each["name"]: each["version"]
        for each in components(roots[target])
        if each["bom-ref"].startswith("deb:")
    }
    entries = {
        name.rpartition("/")[2]: text.decode()
        for name, text in roots[target].items()
        if name.startswith("var/lib/dpkg/status.d/")
    }
    assert entries
    for name, text in entries.items():
        assert told[name] == re.findall(r"^Version: (.*)$", text, re.MULTILINE)[0]
    assert {"libc6", "python3.13-minimal", "tzdata", "ca-certificates", "coreutils"} <= told.keys()


def test_the_modules_of_python_are_named_with_their_versions(roots):
    def of(target):
        return {
            each["name"].lower(): each["version"]
            for each in components(roots[target])
            if each["bom-ref"].startswith("pypi:")
        }

    assert {"tomli", "cronsim"} == of("core").keys()
    assert {"starlette", "uvicorn", "jinja2", "defusedxml", "tomli"} <= of("default").keys()
    assert all(version[0].isdigit() for version in of("default").values())
