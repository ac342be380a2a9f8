"""The parts of the judge: captures, deletions, alerts, items, and other ways to watch."""
