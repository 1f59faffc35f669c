"""What stands around a loop that has nothing to do: for tests of the loop alone."""

from pyinit.core.phases import Up


class Hands:
    """A driver with nothing to do."""

    def __init__(self):
        self.events, self.exit = [], None

    def settle(self, _pids):
        return

    def fresh(self):
        return


class Quiet:
    """Hears of everything, and keeps the faults."""

    def __init__(self):
        self.told = []

    def add(self, *_words):
        return

    def error(self, text):
        self.told.append(text)


class Rows:
    """A state without any process."""

    def __init__(self):
        self.pids, self.phase = {}, Up()
