"""TALK: pure codecs of the control socket."""
