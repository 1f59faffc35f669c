"""Names everything an image is made of, in the form of CycloneDX 1.6 (ECMA-424).

Every file of the root belongs to a component, and says so: `evidence.occurrences` of a component
are its files, or directories (with a slash at their end) all of whose files are its own.  A
component is a Debian package, or a Python distribution within one, which scanners may know better.
Neither a time nor a random number is in it: the same root has the same list.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

PLACE = "usr/share/sbom/pyinit.cdx.json"
PAPERS = re.compile(r"^usr/share/doc/([^/]+)/|^var/lib/dpkg/status\.d/([^/]+)$")
WHOLE = {
    "usr/share/zoneinfo/": "tzdata",
    "usr/share/terminfo/": "ncurses-base",
    "usr/share/common-licenses/": "base-files",
    "etc/ssl/certs/": "ca-certificates",
}
"""Directories whose files are made when a package is installed, or are too many to be told."""
OWN = "pyinit"
LISTS = Path("/var/lib/dpkg/info")
WORD = r"[\w.+()/-]{2,40}"
NAME = re.compile(rf"{WORD}(?:,? (?:and|or|with) {WORD}(?: exception)?)*")


def write(root: Path, source: Path, origins: dict[str, list[Path]]) -> None:
    """List what is in `root`; `origins` are the files that its files were made from, by place.

    What is neither a package's nor made from something of a package is pyinit's own.
    """
    places = [
        str(path.relative_to(root))
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    ]
    owner_of = owners([*[f"/{place}" for place in places], *_flat(origins)])
    files: dict[str, set[str]] = {OWN: {f"/{PLACE}"}}
    for place in places:
        for name, shown in _belongs(place, origins, owner_of):
            files.setdefault(name, set()).add(f"/{shown}")
    modules = distributions(origins)
    components = [debian(name, sorted(found)) for name, found in files.items() if name != OWN]
    components += [python(name, sorted(found)) for name, found in modules.items()]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own(source)},
        "components": [
            {**own(source), "bom-ref": "pyinit-files", **_seen(sorted(files[OWN]))},
            *sorted(components, key=lambda each: str(each["bom-ref"])),
        ],
    }
    target = root / PLACE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=0, sort_keys=True) + "\n")


def _belongs(
    place: str, origins: dict[str, list[Path]], owner_of: dict[str, str]
) -> list[tuple[str, str]]:
    """Return (package, the file or its directory) for each package that a file belongs to."""
    for directory, name in WHOLE.items():
        if place.startswith(directory):
            return [(name, directory)]
    paper = PAPERS.match(place)
    if paper:
        return [(paper[1] or paper[2], place)]
    made_from = [str(path) for path in origins.get(place, [])] or [f"/{place}"]
    found = {owner_of[each] for each in made_from if each in owner_of}
    return [(name, place) for name in sorted(found or {OWN})]


def owners(paths: list[str]) -> dict[str, str]:
    """Return the Debian package that owns each of `paths`, by dpkg's own lists.

    `dpkg -S` would look through all of them for each path.
    """
    known: dict[str, str] = {}
    for listed in sorted(LISTS.glob("*.list")):
        name = listed.stem.partition(":")[0]
        known |= dict.fromkeys(listed.read_text("utf-8").splitlines(), name)
    found = {}
    for path in paths:
        real = str(Path(path).resolve())
        for each in (path, path.removeprefix("/usr"), real, real.removeprefix("/usr")):
            if each in known:
                found[path] = known[each]
                break
    return found


def distributions(origins: dict[str, list[Path]]) -> dict[str, set[str]]:
    """Return by Python distribution the files of the root that hold its modules."""
    found: dict[str, set[str]] = {}
    named = {each.name.lower().replace("-", "_"): [each.name] for each in _installed()}
    tops = {**named, **importlib.metadata.packages_distributions()}
    for place, sources in origins.items():
        for source in sources:
            _, here, inner = str(source).partition("/dist-packages/")
            if here:
                top = inner.partition("/")[0].partition(".")[0]
                for name in tops.get(top, [])[:1]:
                    found.setdefault(name, set()).add(f"/{place}")
    return found


def _installed() -> list[importlib.metadata.Distribution]:
    return [each for each in importlib.metadata.distributions() if each.name]


def own(source: Path) -> dict[str, object]:
    """Return pyinit itself."""
    text = (source / "pyinit/__init__.py").read_text("utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]
    return {
        "type": "application",
        "bom-ref": "pyinit",
        "name": "pyinit",
        "version": version,
        "purl": f"pkg:pypi/pyinit@{version}",
        "licenses": [{"license": {"id": "MIT"}}],
    }


def debian(name: str, files: list[str]) -> dict[str, object]:
    """Return a Debian package."""
    shown = "-f=${Version}\n${Architecture}\n${source:Package}\n${source:Version}"
    done = subprocess.run(
        ["dpkg-query", "-W", shown, name], check=True, capture_output=True, text=True
    )
    version, architecture, origin, _ = done.stdout.split("\n")[:4]
    return {
        "type": "library",
        "bom-ref": f"deb:{name}",
        "name": name,
        "version": version,
        "purl": f"pkg:deb/debian/{_quoted(name)}@{_quoted(version)}?arch={architecture}",
        "licenses": [{"license": {"name": each}} for each in licences(name)],
        "properties": [{"name": "debian:source", "value": origin}],
        **_seen(files),
    }


def licences(package: str) -> list[str]:
    """Return the names of the licences in a package's copyright file, which is in the image."""
    paper = Path("/usr/share/doc") / package / "copyright"
    text = paper.read_text("utf-8") if paper.exists() else ""
    told = re.findall(r"^License:[ \t]*(\S.*?)\s*$", text, re.MULTILINE)
    names = {each for each in told if NAME.fullmatch(each)}  # in old papers whole texts begin so
    names |= set(re.findall(r"/usr/share/common-licenses/([\w.+-]*[\w+])", text))
    return sorted(names) or [f"see /usr/share/doc/{package}/copyright"]


def python(name: str, files: list[str]) -> dict[str, object]:
    """Return a Python distribution."""
    facts = importlib.metadata.metadata(name).json
    version = importlib.metadata.version(name)
    classes = [each for each in facts.get("classifier", []) if each.startswith("License")]
    told = [
        str(facts.get("license_expression", "")),
        *[each.rpartition(" :: ")[2] for each in classes],
        str(facts.get("license", "")).partition("\n")[0],
    ]
    known = [each for each in told if each and each != "UNKNOWN"]
    normal = re.sub(r"[-_.]+", "-", name).lower()
    return {
        "type": "library",
        "bom-ref": f"pypi:{normal}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{normal}@{_quoted(version)}",
        "licenses": [{"license": {"name": known[0] if known else "see its Debian package"}}],
        **_seen(files),
    }


def _seen(files: list[str]) -> dict[str, object]:
    return {"evidence": {"occurrences": [{"location": each} for each in files]}}


def _quoted(text: str) -> str:
    return text.replace("+", "%2B").replace(":", "%3A")


def _flat(origins: dict[str, list[Path]]) -> list[str]:
    return [str(path) for paths in origins.values() for path in paths]
