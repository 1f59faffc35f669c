"""Pods of podman for the tests: in a place of their own, from the images of the Docker engine."""

import json
import os
import shlex
import shutil
import subprocess
from contextlib import contextmanager

import yaml
from boxes import PATIENCE_S, TOP, eventually

KINDS = {"Deployment", "Job"}


class Podman:
    """A podman that shares nothing with another one on this machine."""

    def __init__(self, directory):
        self.directory = directory
        config = directory / "containers.conf"
        subprocess.run([str(TOP / "scripts/podman.sh"), "config", str(config)], check=True)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(config)}
        places = {"root": "root", "runroot": "run", "tmpdir": "tmp", "network-config-dir": "net"}
        self.words = ["podman", "--storage-driver", "vfs"]
        for option, name in places.items():
            self.words += [f"--{option}", str(directory / name)]

    def run(self, *words, **options):
        """Run podman to its end."""
        return subprocess.run(
            [*self.words, *words],
            **{"stdin": subprocess.DEVNULL, **options},
            env=self.environment,
            capture_output=True,
            timeout=3 * PATIENCE_S,
            check=False,
        )

    def said(self, *words):
        """Return what podman prints; it must be content."""
        done = self.run(*words)
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr.decode()}"
        return done.stdout.decode()

    def on_path(self, directory):
        """Return a directory with a `podman` that is this one."""
        script = directory / "bin" / "podman"
        script.parent.mkdir()
        words = shlex.join([shutil.which("podman"), *self.words[1:]])
        config = shlex.quote(self.environment["CONTAINERS_CONF"])
        script.write_text(f'#!/bin/sh\nCONTAINERS_CONF={config} exec {words} "$@"\n')
        script.chmod(0o755)
        return script.parent

    def bring(self, image, name):
        """Have an image of the Docker engine, under a name of its own."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
            done = self.run("load", "-q", stdin=saving.stdout)
        assert (saving.returncode, done.returncode) == (0, 0), done.stderr.decode()
        self.said("tag", done.stdout.decode().split()[-1], name)

    @contextmanager
    def service(self):
        """Answer Docker's API for the time of the block; yield the place for DOCKER_HOST."""
        path = self.directory / "podman.sock"
        words = [*self.words, "system", "service", "--time", "0", f"unix://{path}"]
        with open(self.directory / "service.log", "wb") as log:
            process = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            eventually(path.exists, within_s=PATIENCE_S, every_s=0.05)
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait()
            path.unlink(missing_ok=True)

    def clean(self):
        """Remove every pod, image and file."""
        self.run("pod", "rm", "-fa", "-t", "0")
        self.run("rmi", "-fa")


class Pod:
    """A pod from one of the manifests."""

    def __init__(self, podman, path, directory):
        self.podman = podman
        self.file = directory / path.name
        self.file.write_text(path.read_text())
        as_played(self.file)
        podman.said("kube", "play", "--network", "none", str(self.file))
        made = json.loads(podman.said("ps", "-a", "--format", "json"))
        self._names = [each["Names"][0] for each in made]

    def name(self, name):
        """Podman's name of a container of the manifest."""
        return next(each for each in self._names if each.endswith(f"-{name}"))

    def run(self, name, *words):
        """Run a command in a container; return (exit status, output)."""
        done = self.podman.run("exec", self.name(name), *words)
        return done.returncode, (done.stdout + done.stderr).decode()

    def status(self, name):
        """The processes of `pyinitctl status --json` of a container, by name."""
        _code, output = self.run(name, "pyinitctl", "status", "--json")
        try:
            return {each["name"]: each for each in json.loads(output).get("processes", ())}
        except json.JSONDecodeError:
            return {}

    def logs(self, name):
        """What a container has written so far."""
        done = self.podman.run("logs", self.name(name))
        return (done.stdout + done.stderr).decode()

    def ready(self, *names):
        """Wait until all is ready in these containers."""
        for name in names:
            eventually(
                lambda name=name: self.run(name, "pyinitctl", "ready")[0] == 0,
                within_s=PATIENCE_S, every_s=0.2,
            )  # fmt: skip

    def ended(self, name, within_s=PATIENCE_S):
        """Wait for the end of a container; return its exit status."""

        def look():
            state = json.loads(self.podman.said("inspect", self.name(name)))[0]["State"]
            return state if state["Status"] == "exited" else None

        try:
            return eventually(look, within_s=within_s, every_s=0.2)["ExitCode"]
        except AssertionError:
            raise AssertionError(f"{name} does not end:\n{self.logs(name)}") from None

    def stop(self):
        """Stop all containers as `podman kube down` does, but keep them."""
        self.podman.said("pod", "stop", "-a")


def as_played(file):
    """Change a manifest into what podman 4.3 plays."""
    documents = list(yaml.safe_load_all(file.read_text()))
    file.write_text(yaml.safe_dump_all(map(_as_podman_has_it, documents)))


def _as_podman_has_it(document):
    """Change what podman 4.3 takes otherwise than Kubernetes.

    It has no Job, of which the pod is played; of a native sidecar it would await the end, so that
    is the first of the containers; it publishes every containerPort on this machine; and it wants
    a timer of systemd for each probe, which tests do by hand.
    """
    if document["kind"] not in KINDS:
        return document
    spec = document["spec"]["template"]["spec"]
    spec["containers"] = [*spec.pop("initContainers", ()), *spec["containers"]]
    for container in spec["containers"]:
        for key in ("ports", "livenessProbe", "restartPolicy"):
            container.pop(key, None)
    if document["kind"] == "Job":
        name = f"{document['metadata']['name']}-pod-0"
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    return document
