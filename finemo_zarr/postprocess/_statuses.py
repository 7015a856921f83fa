"""What a hit of one set can be to another set."""

STATUSES = ("matched", "moved", "renamed", "lost", "new")
MATCHED, MOVED, RENAMED, LOST, NEW = range(len(STATUSES))
NOBODY = -1
"""Stands for the hit of the other set where there is none."""
