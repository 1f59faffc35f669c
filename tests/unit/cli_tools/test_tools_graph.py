"""The graph as text, for Graphviz, and for Mermaid."""

from pyinit.cli import ctl_graph


def program(name, needs=(), boot=None, states=("RUNNING",)):
    return {"name": name, "states": list(states), "needs": list(needs), "boot": boot}


def need(name, condition="ready", *, hard=True, timeout_s=None):
    return {"program": name, "condition": condition, "hard": hard, "timeout_s": timeout_s}


def took(waited_s, took_s):
    return {"waited_s": waited_s, "took_s": took_s, "up_s": waited_s + took_s}


RESULT = {
    "programs": [
        program("db", boot=took(0.0, 1.5)),
        program("cache", states=("RUNNING", "RUNNING", "BACKOFF")),
        program("web", [need("db"), need("cache", hard=False, timeout_s=5.0)], took(1.5, 0.25)),
    ],
    "critical_path": ["db", "web"],
    "boot_s": 1.75,
}


def test_the_table_has_times_needs_and_the_critical_path():
    found = [" ".join(line.split()) for line in ctl_graph.as_text(RESULT).splitlines()]
    assert found == [
        "PROGRAM STATE WAITED TOOK NEEDS",
        "* db RUNNING 0.00s 1.50s",
        "cache 2 RUNNING, 1 BACKOFF",
        "* web RUNNING 1.50s 0.25s db (ready), cache (ready within 5s, wanted)",
        "* the critical path of the boot, 1.75s: db -> web",
    ]


def test_without_times_there_is_no_path():
    result = {**RESULT, "programs": [program("db")], "critical_path": [], "boot_s": None}
    assert ctl_graph.as_text(result).splitlines()[-1].split() == ["db", "RUNNING"]
    assert ctl_graph.as_text({**result, "programs": []}) == "there are no programs"


def test_dot_has_dashed_arrows_for_what_is_wanted_and_red_ones_along_the_path():
    lines = [line.strip() for line in ctl_graph.as_dot(RESULT).splitlines()]
    assert '"web" -> "db" [label="ready", color="#c0392b"];' in lines
    assert '"web" -> "cache" [label="ready within 5s", style=dashed];' in lines
    assert '"db" [label="db\\nRUNNING, 1.50s", color="#c0392b", penwidth=2];' in lines
    assert (lines[0], lines[-1]) == ("digraph pyinit {", "}")


def test_mermaid_has_dotted_arrows_for_what_is_wanted_and_marks_the_path():
    lines = [line.strip() for line in ctl_graph.as_mermaid(RESULT).splitlines()]
    assert lines[0] == "graph LR"
    assert "p2 -->|ready| p0" in lines
    assert "p2 -.->|ready within 5s| p1" in lines
    assert "class p0,p2 critical" in lines
    assert "linkStyle 0 stroke:#c0392b" in lines


def test_names_with_characters_that_mean_something_are_quoted():
    odd = {**RESULT, "programs": [program('a#<"b')], "critical_path": []}
    assert 'p0["a#35;#60;#34;b<br/>RUNNING"]' in ctl_graph.as_mermaid(odd)
    assert '"a#<\\"b" [label="a#<\\"b\\nRUNNING"];' in ctl_graph.as_dot(odd)


def test_an_arrow_to_who_is_not_there_is_left_out():
    lonely = {**RESULT, "programs": [program("web", [need("gone")])], "critical_path": []}
    assert "->" not in ctl_graph.as_dot(lonely)
