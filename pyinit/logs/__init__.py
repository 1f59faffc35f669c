"""KEEP OUTPUT: pure parts of what happens to a program's lines."""
