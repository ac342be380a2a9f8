"""What each command of `nightjar` does, one file each; `bot.cli` hands them what they need.

A command prints for people, or one JSON object with `--json`, and returns its exit code:
0, 1 (found a problem) or 2 (wrong use). None of them imports `watchers`.
"""
