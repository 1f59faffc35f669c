"""What holds for every test: a busy machine is no failure of a property."""

from hypothesis import settings

settings.register_profile("pyinit", deadline=None, print_blob=True)
settings.load_profile("pyinit")
