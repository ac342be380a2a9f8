"""Programs that we did not write: they agree with an exported night, and refuse changed ones.

A short form of `./nightjar bench strangers`. Where a program cannot be had, its tests are
skipped and say why.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench._harvest import Case, harvest
from bench._strangers import STRANGERS, DisagreesError, Stranger
from bench._verifiers import VerifierMissingError
from bench.strangers import refusal
from tests.fakes.tsa import missing

POSTS = 6
"""Every form of HTTP that the site speaks, two edits, two deletions."""
SLOW = {"pywb", "case_validate", "wacz"}
"""Their changed packages are for the bench: seconds each."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One export for all."""
    return asyncio.run(harvest(tmp_path_factory.mktemp("night"), POSTS))


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.name)
def test_another_program_agrees_with_the_export(stranger: Stranger, night: Case) -> None:
    try:
        assert stranger.check(night) > 0
    except VerifierMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("stranger", "what"),
    [(stranger, what) for stranger in STRANGERS if stranger.name not in SLOW for what in stranger.spoils],
    ids=lambda value: value.name if isinstance(value, Stranger) else value,
)
def test_another_program_refuses_a_changed_export(stranger: Stranger, what: str, night: Case) -> None:
    try:
        assert refusal(stranger, night, what)
    except VerifierMissingError as error:
        pytest.skip(str(error))


def test_an_unchanged_copy_is_not_refused(night: Case) -> None:
    hash_list = next(one for one in STRANGERS if one.name == "sha256sum")
    same = Stranger(name="same", check=hash_list.check, spoils={"nothing": lambda case: None})
    assert refusal(same, night, "nothing") is None


def test_a_checker_that_ends_well_but_checks_less_does_not_count(night: Case, tmp_path: Path) -> None:
    less = Case(folder=tmp_path, sealed=night.sealed, identity=night.identity, authority=night.authority)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"")
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(DisagreesError):
        next(one for one in STRANGERS if one.name == "sha256sum").check(less)
