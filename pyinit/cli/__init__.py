"""The commands pyinit and pyinitctl."""
