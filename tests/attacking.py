"""Attacks an API with what its own OpenAPI document allows and forbids, by schemathesis.

    schema = schemathesis.openapi.from_url(url, config=attacking.settings(10))
    assert attacking.Report(schema).findings == []

Requests are made from the document, good ones and bad ones; each answer is held against it, too:
its status, its type, its shape; whether bad data was refused and good data taken, and whether
methods that are not there are refused.  The same seed makes the same requests.
"""

from fuzzing import SEED, TIMES
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

# 503 and 504 are answers: a probe says no, something took longer than was asked for.
ANSWERS = ["2xx", "3xx", "4xx", "503", "504"]
TAKEN = ["2xx", "401", "403", "404", "409", "503", "504"]
# What no schema can say: that a soft limit is below the hard one, which signals there are, which
# names stand for several processes.
UNSAYING = ("setLimits", "signal", "readLogFile", "writeStdin")
UNSAID = {"positive_data_acceptance": {"expected-statuses": [*TAKEN, "400"]}}


def settings(examples, *, without=(), checks=(), coverage=True, request_s=20, key=None):
    """Return the settings of an attack with so many examples for each operation.

    `without` are ids of operations to be left alone, `checks` names of checks to be left out;
    `key` is (name, password) of a door that asks for them.
    """
    left_out = {name: {"enabled": False} for name in checks}
    by_id = [{"include-operation-id": each, "enabled": False} for each in without]
    basic = (
        {"auth": {"basic": dict(zip(("username", "password"), key, strict=True))}} if key else {}
    )
    given = {
        **basic,
        "seed": SEED,
        "continue-on-failure": True,
        "request-timeout": request_s,
        "max-stream-events": 3,
        "warnings": False,
        "generation": {"max-examples": examples * TIMES, "database": "none", "no-shrink": True},
        "phases": {
            "examples": {"enabled": False},
            "coverage": {"enabled": coverage, "unexpected-methods": ["put", "patch", "trace"]},
            "fuzzing": {"error-feedback": {"enabled": False}},
            "stateful": {"max-steps": 4},
        },
        "checks": {
            "not_a_server_error": {"expected-statuses": ANSWERS},
            "positive_data_acceptance": {"expected-statuses": TAKEN},
            **left_out,
        },
        "operations": [
            *[{"include-operation-id": each, "checks": UNSAID} for each in UNSAYING],
            *by_id,
        ],
    }
    return SchemathesisConfig.from_dict(given)


class Report:
    """What an attack found, how many requests it took, and which phases and operations there were."""

    def __init__(self, schema):
        self.findings = []
        self.requests = 0
        self.labels = set()
        self.phases = set()
        for event in from_schema(schema).execute():
            self._hear(event)

    def _hear(self, event):
        if isinstance(event, events.NonFatalError):
            self.findings.append(f"{event.label}: {event.value!r} {event.info.format()[:500]}")
        elif isinstance(event, events.FatalError):
            self.findings.append(f"it ended: {event.exception!r}")
        elif isinstance(event, events.ScenarioFinished):
            self.phases.add(event.phase.value)
            self._tell(event.recorder)

    def _tell(self, recorder):
        self.labels.add(recorder.label)
        self.requests += len(recorder.interactions)
        for nodes in recorder.checks.values():
            for node in nodes:
                if node.failure_info is not None:
                    info = node.failure_info
                    self.findings.append(
                        f"{recorder.label}: {node.name}: {info.failure}\n{info.code_sample}"
                    )
