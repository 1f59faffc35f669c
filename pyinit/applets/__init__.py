"""The names of others that pyinit answers to."""
