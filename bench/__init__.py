"""Side by side with the others: every budget measured in one run, on one machine, as ratios."""
