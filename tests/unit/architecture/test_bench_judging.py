"""What the benchmarks hold against a run: growth, lost lines, missed events, curves that rise."""

import itertools
import xml.dom.minidom

import pytest

from bench import aged, ageing, curves, events, lines, plot, report, scale
from bench.flat import Curve
from bench.judge import Check, Result

SETTING = report.Setting("2026-01-02 03:04 UTC", "a machine", "0.5", False, "here", {"s6": "2"})


def curve(values, rise=10.0, relative=False, name="one: memory"):
    return Curve(
        name, "kB", tuple((60.0 * n, float(v)) for n, v in enumerate(values)), rise, relative
    )


def well_formed(text):
    return xml.dom.minidom.parseString(text).documentElement.tagName == "svg"


class TestLinear:
    def test_what_costs_the_same_for_each_process_is_linear_whatever_the_constant(self):
        check = scale.linear({n: 500 + 2 * n for n in scale.SIZES})
        assert check.holds
        assert check.value == pytest.approx(1.0)

    def test_what_costs_more_for_each_the_more_there_are_is_not(self):
        assert not scale.linear({n: 5 + n * n / 1000 for n in scale.SIZES}).holds

    def test_a_third_more_for_each_process_at_5000_is_too_much(self):
        values = {n: float(n) for n in scale.SIZES}
        assert scale.linear({**values, 5000: 5000 * 1.29}).holds
        assert not scale.linear({**values, 5000: 5000 * 1.32}).holds

    def test_what_costs_nothing_before_must_cost_nothing_after(self):
        assert scale.linear({1: 5.0, 100: 5.0, 1000: 5.0, 5000: 5.0}).holds
        assert not scale.linear({1: 5.0, 100: 5.0, 1000: 5.0, 5000: 50.0}).holds

    def test_what_others_have_grown_by_in_the_same_run_is_allowed_on_top(self):
        values = {**{n: float(n) for n in scale.SIZES}, 5000: 5000 * 1.5}
        assert not scale.linear(values).holds
        assert scale.linear(values, 1.2).holds

    def test_two_numbers_say_nothing(self):
        assert scale.linear({1: 5.0, 5000: 50.0}) is None


class TestFlat:
    def test_what_wavers_and_comes_back_is_flat(self):
        assert curve([1000 + 50 * (n % 3) for n in range(60)]).check().holds

    def test_what_rises_by_more_than_its_bound_is_not(self):
        rising = curve([1000 + n for n in range(60)])
        assert rising.grown() == pytest.approx(47, abs=1)  # the first fifth is not counted
        assert not rising.check().holds
        assert curve([1000 + n for n in range(60)], rise=48.0).check().holds

    def test_what_falls_is_flat(self):
        assert curve([1000 - n for n in range(60)]).check().holds

    def test_what_only_rises_while_it_warms_up_is_flat(self):
        assert curve([n * 100 for n in range(12)] + [1200] * 48).check().holds

    def test_a_relative_bound_is_a_share_of_the_median(self):
        values = [1000 + n for n in range(60)]
        assert curve(values, rise=0.05, relative=True).check().holds
        assert not curve(values, rise=0.04, relative=True).check().holds

    def test_too_few_points_and_curves_without_a_bound_are_not_judged(self):
        assert curve([1, 2, 3]).check() is None
        assert curve(range(60), rise=None).check() is None
        assert curve([]).check() is None


class TestLines:
    @staticmethod
    def line(number, mark=b""):
        return mark + b"%010d " % number + b"x" * (lines.LENGTH - 12) + b"\n"

    def test_a_file_with_every_line_in_its_place_lacks_none(self, tmp_path):
        place = tmp_path / "out"
        place.write_bytes(b"".join(map(self.line, range(50))))
        assert lines.missing([place], 50, marked=False) == 0

    @pytest.mark.parametrize("lost", [0, 25, 49])
    def test_a_line_that_is_not_there_is_lost(self, tmp_path, lost):
        place = tmp_path / "out"
        place.write_bytes(b"".join(self.line(n) for n in range(50) if n != lost))
        assert lines.missing([place], 50, marked=False) >= 1

    def test_marked_lines_of_all_are_told_apart(self, tmp_path):
        place = tmp_path / "said"
        names = [b"p%d | " % n for n in range(lines.PROGRAMS)]
        whole = [self.line(n, name) for n in range(10) for name in names]
        place.write_bytes(b"pyinit: hello\n" + b"".join(whole))
        assert lines.missing([place], 10, marked=True) == 0
        place.write_bytes(b"".join(whole[:-1]))
        assert lines.missing([place], 10, marked=True) == 1
        place.write_bytes(b"".join(whole[:77] + whole[78:]))
        assert lines.missing([place], 10, marked=True) >= 1


class TestEvents:
    @staticmethod
    def chain(*states, name="web"):
        pairs = itertools.pairwise(states)
        return [{"event": "state", "name": name, "was": a, "state": b} for a, b in pairs]

    def test_chains_without_a_gap_that_are_all_the_same_miss_nothing(self):
        told = self.chain("RUNNING", "STOPPING", "STARTING", "RUNNING")
        assert events.missed([told, list(told)]) == 0

    def test_one_that_was_told_less_has_missed_it(self):
        told = self.chain("RUNNING", "STOPPING", "STARTING", "RUNNING")
        assert events.missed([told, told[:-1]]) == 1

    def test_what_all_have_missed_is_a_gap_in_the_chain(self):
        told = self.chain("RUNNING", "STOPPING", "STARTING", "RUNNING")
        assert events.missed([told[:1] + told[2:]] * 2) == 2

    def test_what_was_dropped_was_missed(self):
        assert events.missed([[{"event": "dropped", "count": 7}]]) == 7


class TestPictures:
    def test_every_kind_of_row_is_drawn(self):
        bars = Result("term", "TERM & end", "ms")
        bars.of("pyinit").values = [1.0, 2.0, 3.0]
        bars.of("supervisord").values = [900.0]
        bars.of("nobody").why_not = "not there"
        bars.ratio("pyinit / supervisord", "pyinit", "supervisord", 1.0)
        none = Result("rolling", "failed", "requests")
        none.of("pyinit").values = [0.0, 0.0]
        none.bound("pyinit", "pyinit", 0.0)
        grown = Result("scale-start", "growth", "ms", kind="curve")
        for size in scale.SIZES:
            grown.of(f"pyinit, {size:,} programs").values = [size * 0.9, size * 1.1]
        empty = Result("empty", "nothing", "ms", why_not="no")
        rows = [bars, none, grown, empty]
        assert all(well_formed(plot.draw(row)) for row in rows)
        assert well_formed(plot.draw(Result("scale-stop", "growth", "ms", kind="curve")))
        text = plot.bounds(rows)
        assert well_formed(text)
        assert "prefers-color-scheme: dark" in text

    def test_what_is_used_of_a_bound_is_more_than_one_only_where_it_does_not_hold(self):
        assert plot.used_of(Check("a", 2.0, 4.0)) == 0.5
        assert plot.used_of(Check("a", 5.0, 4.0)) == 1.25
        assert plot.used_of(Check("a", 8.0, 4.0, at_most=False)) == 0.5
        assert plot.used_of(Check("a", 0.0, 0.0)) == 0.0
        assert plot.used_of(Check("a", 1.0, 0.0)) > 1.0


class TestAged:
    @staticmethod
    def aged(values):
        told = [
            curve(values),
            curve([1000] * 60, name="simulated: memory"),
            curve([], name="two: memory"),
        ]
        checks = [check for each in told if (check := each.check()) is not None]
        return aged.Aged("now", 60, 24, {"one": {"restarts": 1200}}, told, checks, ["one: a fault"])

    def test_it_is_read_as_it_was_written(self, tmp_path):
        written = self.aged([1000] * 60)
        aged.write(tmp_path, written)
        assert aged.read(tmp_path) == written
        assert written.verdict == "ok"
        assert well_formed((tmp_path / "ageing.svg").read_text())

    def test_one_curve_that_rises_fails_the_whole(self):
        assert self.aged([1000 + n for n in range(60)]).verdict == "FAIL"

    def test_the_page_has_it_once_it_is_there(self, tmp_path):
        row = Result("start", "the start", "ms")
        row.of("pyinit").values = [1.0]
        report.write(tmp_path, SETTING, [row])
        assert "Growing old" not in report.page(tmp_path, SETTING, [row], "")
        aged.write(tmp_path, self.aged([1000] * 60))
        page = report.page(tmp_path, SETTING, [row], "there/")
        assert "](there/ageing.svg)" in page
        assert "](there/plots/start.svg)" in page
        assert "| restarts | 1,200 |" in page

    def test_the_page_tells_the_level_and_how_much_of_it_a_bound_is(self):
        told = [
            curve([900] * 12 + [1000] * 48, rise=50.0),
            curve([10] * 60, rise=0.2, relative=True, name="one: wake-ups"),
        ]
        checks = [*[each.check() for each in told], Check("one: faults", 0, 0)]
        lines = aged.markdown(aged.Aged("now", 60, 24, {"one": {}}, told, checks), "there.svg")
        assert [line.split(" | ", 1)[1] for line in lines if line.startswith("| one: ")] == [
            "1,000 | 0 | 50.0 | ok |",
            "10.0 | 0 | 2.00 (20 %) | ok |",
            " | 0 | 0 | ok |",
        ]

    def test_what_was_measured_before_is_judged_by_the_bounds_of_today(self, tmp_path, capsys):
        aged.write(tmp_path, self.aged([9000 + 10 * n for n in range(60)]))
        assert aged.read(tmp_path).verdict == "FAIL"  # 10 kB
        assert ageing._judge(tmp_path) == 0  # 1024 kB
        assert aged.read(tmp_path).verdict == "ok"
        aged.write(tmp_path, self.aged([9000 + 30 * n for n in range(60)]))
        assert ageing._judge(tmp_path) == 1
        assert ageing._judge(tmp_path / "nowhere") == 2
        assert "nothing has grown old" in capsys.readouterr().err

    def test_curves_of_one_quantity_are_in_one_plot(self):
        text = curves.draw([("memory", [curve([1, 2, 3]), curve([3, 2, 1])])], "a title")
        assert text.count('class="axis"') == 1
        assert "line0" in text
        assert "line1" in text
