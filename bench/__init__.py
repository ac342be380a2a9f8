"""One command per promise that has a figure: `./nightjar bench NAME`.

A bench is one file in this folder, found by its name; nothing else is edited:

    NAME = "suite"                      the file's name, `_` written as `-`
    SUMMARY = "what it shows"           one line for the list
    NEEDS_DEV = True                    optional: it needs the development packages
    def run(args: list[str]) -> Result  or `async def`; args are those after the name

`run` prints progress to standard error if it takes long, raises `WrongUseError` for
arguments it does not know (argparse's exit is fine too), and returns figures beside
their targets (`bench/figures.py`). Files without NAME are helpers.
"""
