"""DO: the loop, the driver of effects and everything with a descriptor."""
