"""DECIDE: the pure brain of PID 1.  Events in, effects out; no I/O, no clock, no logging."""
