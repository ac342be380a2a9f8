"""The version of the program: what the wheel is built with and what evidence names.

A constant, since a checkout that is run in place is not installed and has no metadata.
"""

VERSION = "0.1.0"
