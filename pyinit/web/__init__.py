"""The gateway: everything that speaks HTTP, as an ordinary program beside PID 1."""
