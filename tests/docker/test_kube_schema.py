"""The manifests of examples/kubernetes against the schemas that Kubernetes publishes."""

import copy
import tomllib

import kubernetes_validate
import pytest
import yaml
from boxes import TOP

DIRECTORY = TOP / "examples/kubernetes"
FILES = sorted(DIRECTORY.glob("*.yaml"))
OLDEST = {"job-native.yaml": "1.29"}  # native sidecars are on by default from there
VERSIONS = ("1.25", "1.29", "1.33", "1.37")


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def pod_specs(path):
    return [
        each["spec"]["template"]["spec"]
        for each in documents(path)
        if each["kind"] in {"Deployment", "Job"}
    ]


def test_there_are_manifests():
    assert {path.name for path in FILES} >= {"deployment.yaml", "job.yaml", "job-native.yaml"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_manifest_is_valid(path, version):
    oldest = OLDEST.get(path.name, VERSIONS[0])
    if tuple(map(int, version.split("."))) < tuple(map(int, oldest.split("."))):
        with pytest.raises(kubernetes_validate.ValidationError, match="restartPolicy"):
            _check(path, version)
    else:
        _check(path, version)


def _check(path, version):
    for document in documents(path):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_key_that_kubernetes_does_not_know_is_found():
    found = documents(DIRECTORY / "deployment.yaml")
    broken = copy.deepcopy(next(each for each in found if each["kind"] == "Deployment"))
    broken["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="livenessProb"):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_drain_and_stop_budget_fit_into_the_grace_period(path):
    budgets = {"default": 9.0}
    for document in documents(path):
        for name, text in document.get("data", {}).items():
            init = tomllib.loads(text).get("init", {})
            budgets[name] = float(init.get("stop_budget", "9s").removesuffix("s"))
    for spec in pod_specs(path):
        drain = 0.0
        for container in spec["containers"]:
            words = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
            if words:
                drain = max(drain, float(words[words.index("--delay") + 1].removesuffix("s")))
        assert drain + max(budgets.values()) < spec["terminationGracePeriodSeconds"]
