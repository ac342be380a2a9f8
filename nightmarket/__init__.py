"""A seeded, simulated night of marketplaces, with its own judge: the demo and the exam.

It imports none of the rooms. It meets the daemon as the world and as an administrator
do: by the pages it serves, the configuration it writes, and the commands it runs.
The words and definitions are in `docs/nightmarket.md`.
"""
