"""Which applet a program is by its name."""

import pytest

from pyinit import applets


@pytest.mark.parametrize(
    ("argv0", "applet"),
    [
        ("tini", "tini"),
        ("/usr/bin/tini", "tini"),
        ("./tini-static", "tini"),
        ("/sbin/dumb-init", "dumb-init"),
        ("/usr/bin/supervisord", "supervisord"),
        ("supervisorctl", "supervisorctl"),
        ("./pidproxy", "pidproxy"),
        ("echo_supervisord_conf", "echo_supervisord_conf"),
        ("mysupervisord", None),
        ("pyinit", None),
        ("/opt/tini/pyinit", None),
        ("mytini", None),
        ("tini ", None),
        ("tini/", None),
        ("", None),
    ],
)
def test_only_the_last_part_of_the_path_counts(argv0, applet):
    assert applets.personality(argv0) == applet


@pytest.mark.parametrize("applet", sorted(set(applets.NAMES.values())))
def test_each_applet_has_its_own_main(applet):
    main = applets.main_of(applet)
    assert main.__module__ == "pyinit.applets." + applet.replace("-", "_")


def test_a_name_that_is_no_applet_is_an_error():
    with pytest.raises(ValueError, match='cannot answer to "init": no such applet'):
        applets.main_of("init")
