"""The samples that Prometheus is given: names that say their units, and what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pyinit.web.rows import STATES, number, objects, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from pyinit.protocol.wire import Json, Object

LABELS = ("name", "group", "program")
# Of each process: (name, help, the field of `metrics`); a counter's name ends with "_total".
COUNTERS = (
    ("pyinit_process_restarts", "Restarts of a process.", "restarts"),
    ("pyinit_process_cpu_seconds", "Processor time of the run.", "cpu_s"),
    ("pyinit_process_output_bytes", "Output that went through pyinit.", "output_bytes"),
)
GAUGES = (
    ("pyinit_process_state_code", "The state as supervisord numbers it.", "state_code"),
    ("pyinit_process_ready", "Whether the process is up (and ready).", "ready"),
    ("pyinit_process_pid", "Process id of the run, 0 without one.", "pid"),
    ("pyinit_process_uptime_seconds", "Age of the run.", "uptime_s"),
    ("pyinit_process_resident_memory_bytes", "Resident memory of the run.", "rss_bytes"),
    ("pyinit_process_open_fds", "Open descriptors of the run.", "fds"),
    ("pyinit_process_max_fds", "How many descriptors it may have (-1: no limit).", "fds_limit"),
)
# Of those that are asked whether they live: the same, of its `probe`.
PROBES = (
    ("pyinit_process_probe_ok", "Whether the last answer was a good one.", "ok"),
    ("pyinit_process_probe_seconds", "How long the last answer took.", "took_s"),
    ("pyinit_process_probe_failures", "Bad answers in a row.", "failures"),
    ("pyinit_process_watchdog_silent_seconds", "Since the last ping.", "silent_s"),
)
PROBE_COUNTERS = (
    ("pyinit_process_probe_asked", "How often the run was asked.", "asked"),
    ("pyinit_process_probe_failed", "Bad answers of the run.", "failed"),
)
OWN_GAUGES = (
    ("pyinit_uptime_seconds", "Age of pyinit.", "uptime_s"),
    ("pyinit_resident_memory_bytes", "Resident memory of pyinit.", "rss_bytes"),
    ("pyinit_open_fds", "Open descriptors of pyinit.", "fds"),
    ("pyinit_max_fds", "How many descriptors pyinit may have.", "fds_limit"),
)


class Samples(Collector):
    """What one answer of the verb `metrics` says."""

    def __init__(self, told: Object) -> None:
        self._told = told
        self._processes = objects(told.get("processes"))

    def collect(self) -> Iterable[Metric]:
        """Return the families of samples."""
        yield from self._of_pyinit()
        yield from self._of_processes()
        yield from self._of_probes()
        yield self._states()
        yield self._exits()
        yield from self._losses()

    def _of_pyinit(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("pyinit_info", "Version and phase.", labels=("version", "state"))
        info.add_metric([text(self._told.get(name)) for name in ("version", "state")], 1)
        yield info
        own, loop = _object(self._told.get("pyinit")), _object(self._told.get("loop"))
        for name, doc, field in OWN_GAUGES:
            if own.get(field) is not None:
                yield GaugeMetricFamily(name, doc, value=number(own.get(field)))
        yield CounterMetricFamily(
            "pyinit_cpu_seconds", "Processor time of pyinit.", value=number(own.get("cpu_s"))
        )
        yield CounterMetricFamily(
            "pyinit_loop_turns", "Turns of the loop.", value=number(loop.get("turns"))
        )
        yield CounterMetricFamily(
            "pyinit_loop_busy_seconds", "Time in turns.", value=number(loop.get("busy_s"))
        )
        doc = "The longest turn of the last minutes: so long something may have waited."
        yield GaugeMetricFamily("pyinit_loop_lag_seconds", doc, value=number(loop.get("lag_s")))

    def _of_processes(self) -> Iterator[Metric]:
        for name, doc, field in COUNTERS:
            counter = CounterMetricFamily(name, doc, labels=LABELS)
            for each in self._processes:
                counter.add_metric(_labels(each), number(each.get(field)))
            yield counter
        for name, doc, field in GAUGES:
            gauge = GaugeMetricFamily(name, doc, labels=LABELS)
            for each in self._processes:
                if each.get(field) is not None:
                    gauge.add_metric(_labels(each), _value(each.get(field)))
            yield gauge

    def _of_probes(self) -> Iterator[Metric]:
        asked = [(_labels(each), _object(each.get("probe"))) for each in self._processes]
        for name, doc, field in PROBES:
            gauge = GaugeMetricFamily(name, doc, labels=LABELS)
            for labels, probe in asked:
                if field in probe:
                    gauge.add_metric(labels, _value(probe[field]))
            yield gauge
        for name, doc, field in PROBE_COUNTERS:
            counter = CounterMetricFamily(name, doc, labels=LABELS)
            for labels, probe in asked:
                if field in probe:
                    counter.add_metric(labels, number(probe[field]))
            yield counter

    def _states(self) -> Metric:
        doc = "1 for the state that a process is in."
        states = GaugeMetricFamily("pyinit_process_state", doc, labels=(*LABELS, "state"))
        for each in self._processes:
            for state in STATES:
                is_in = each.get("state") == state
                states.add_metric([*_labels(each), state], float(is_in))
        return states

    def _exits(self) -> Metric:
        doc = "Ends of runs by status: code:N, signal:N or not-executed."
        exits = CounterMetricFamily("pyinit_process_exits", doc, labels=(*LABELS, "status"))
        for each in self._processes:
            for status, count in _object(each.get("exits")).items():
                exits.add_metric([*_labels(each), status], number(count))
        return exits

    def _losses(self) -> Iterator[Metric]:
        doc = "Lines that pyinit's own stdout or stderr never took."
        lines = CounterMetricFamily("pyinit_lost_lines", doc, labels=("stream",))
        for stream, count in _object(self._told.get("lost_lines")).items():
            lines.add_metric([stream], number(count))
        yield lines
        lost = CounterMetricFamily(
            "pyinit_log_file_lost_bytes", "Bytes a log file never took.", labels=("path",)
        )
        for each in objects(self._told.get("files")):
            lost.add_metric([text(each.get("path"))], number(each.get("lost_bytes")))
        yield lost


def written(told: Object, accept: str) -> tuple[bytes, str]:
    """Return the samples in the format that is best for who accepts these, and its name."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Samples(told))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def _labels(entry: dict[str, Json]) -> list[str]:
    return [text(entry.get(name)) for name in LABELS]


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _value(value: Json) -> float:
    return float(value) if isinstance(value, bool) else number(value)
