"""The learned model: it learns, it is calibrated, it is read back as written, and it stays bounded."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ConfigError
from storage.model import Tier
from tests.detect.posts import labelled, match, shipped
from watchers.detect import training
from watchers.detect.grams import RECIPE, _of_characters
from watchers.detect.model import Model
from watchers.knowledge import learn
from watchers.labelled import Labelled, calibration_error, compared, examples, precision_at_recall, taught


def rows() -> list[Labelled]:
    return [Labelled(text, illicit, at) for at, (illicit, _, _, text) in enumerate(labelled("tune"))]


@pytest.fixture(scope="module")
def model() -> Model:
    return taught(rows(), shipped(), folds=4, day="2026-11-28")[0]


def test_a_model_of_the_other_folds_beats_the_lexicon_on_the_tuning_set() -> None:
    found = compared(rows(), shipped(), folds=5)
    assert found.model is not None
    assert found.model.f1 >= found.lexicon.f1
    assert found.model.calibration_error is not None
    assert found.model.calibration_error <= 0.05


def test_a_word_the_lexicon_does_not_know_is_learned() -> None:
    rng = random.Random(3)
    filler = [
        "the",
        "old",
        "box",
        "with",
        "a",
        "lid",
        "and",
        "some",
        "paper",
        "in",
        "very",
        "good",
        "order",
        "from",
        "my",
        "house",
    ]
    words = [" ".join(rng.sample(filler, 8)) for _ in range(120)]
    told = [Labelled(f"{text} snowmelt {at}", True, at) for at, text in enumerate(words[:60])]
    told += [Labelled(f"{text} {at}", False, at) for at, text in enumerate(words[60:])]
    found = compared(told, shipped(), folds=6)
    assert found.model is not None
    assert found.lexicon.f1 == 0.0
    assert found.model.f1 > 0.95


def test_labels_drawn_by_lot_teach_nothing() -> None:
    rng = random.Random(5)
    told = [Labelled(row.text, rng.random() < 0.5, row.line) for row in rows()]
    found = compared(told, shipped(), folds=4)
    assert found.model is not None
    assert found.model.precision < 0.7


def test_a_model_read_again_says_the_same(model: Model, tmp_path: Path) -> None:
    model.write(tmp_path / "model.txt")
    again = Model.read(tmp_path / "model.txt")
    assert again.version == model.version
    seen, _ = examples(rows()[:20], shipped())
    for example in seen:
        assert again.raw(example.seen) == pytest.approx(model.raw(example.seen), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: "something else\n" + text, "first line"),
        (lambda text: text.replace(f'"recipe": {RECIPE}', '"recipe": 99'), "recipe 99"),
        (lambda text: text[: len(text) // 2], "is no model"),
        (lambda text: text.replace("\t", "\tnan", 1), "is no model"),
        (lambda text: text[:-3] + "9\n", "SHA-256"),
        (lambda _: "", "first line"),
        (lambda _: "nightjar-model 1\n[]\n", "is no model"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_the_old_model_goes_on(
    model: Model, tmp_path: Path, change: object, why: str
) -> None:
    path = tmp_path / "model.txt"
    model.write(path)
    assert callable(change)
    path.write_text(change(path.read_text()))
    with pytest.raises(ConfigError, match=why):
        Model.read(path)
    known = learn((), path, model)
    assert known.model is model
    assert f"model {model.version} goes on" in known.remarks[0]


def test_no_bytes_bring_another_error(tmp_path: Path) -> None:
    path, rng = tmp_path / "model.txt", random.Random(7)
    for _ in range(200):
        path.write_bytes(b"nightjar-model 1\n" + rng.randbytes(rng.randrange(200)))
        with pytest.raises(ConfigError):
            Model.read(path)


def test_twins_stay_in_one_fold_and_kinds_are_spread() -> None:
    seen, _ = examples(rows(), shipped())
    doubled = [*seen, *seen]
    chosen = training.folds(doubled, 5)
    assert chosen[: len(seen)] == chosen[len(seen) :]
    for fold in range(5):
        share = [e.wanted for e, at in zip(doubled, chosen, strict=True) if at == fold]
        assert 0.3 < sum(share) / len(share) < 0.7


def test_the_figures_are_those_of_the_textbook() -> None:
    wanted = [True, True, False, True, False]
    assert precision_at_recall(wanted, [5, 4, 3, 2, 1], 0.95) == 0.75
    assert precision_at_recall(wanted, [1, 1, 1, 1, 1], 0.95) == 0.6
    assert calibration_error([True, False] * 50, [0.5] * 100) == pytest.approx(0.0)
    assert calibration_error([True] * 100, [0.6] * 100) == pytest.approx(0.4)


def proven(model: Model, **changes: float) -> Model:
    from dataclasses import replace

    return replace(model, **changes)  # type: ignore[arg-type]


def test_the_model_weighs_only_when_it_beat_the_lexicon(model: Model) -> None:
    from storage.model import Post
    from watchers.detect.score import judge

    post = Post(post_id="1", url="https://example.org/1", text="象牙手镯一对 8800 微信 yaya5588")
    plain = judge(post, (), (), shipped(), 22)
    beaten = judge(post, (), (), shipped(), 22, model=proven(model, f1=0.5, lexicon_f1=0.6))
    better = judge(post, (), (), shipped(), 22, model=proven(model, f1=0.7, lexicon_f1=0.6))
    assert beaten == plain
    reason = next(reason for reason in better.reasons if reason.kind == "model")
    assert model.trained in reason.detail
    assert abs(reason.weight) <= 2.5


def test_a_known_picture_is_not_talked_away(model: Model) -> None:
    from storage.model import Post
    from watchers.detect.score import judge

    hostile = proven(model, offset=-50.0, f1=0.9, lexicon_f1=0.5)
    post = Post(post_id="1", url="https://example.org/1", text="a lamp")
    seen = (match(0, known="gallery:tusk.jpg"),)
    assert judge(post, (), seen, shipped(), 22, model=hostile).tier in (Tier.URGENT, Tier.HIGH)


def test_alone_the_model_is_never_loud(model: Model) -> None:
    from storage.model import Post
    from watchers.detect.score import judge

    eager = proven(model, offset=50.0, f1=0.9, lexicon_f1=0.5)
    post = Post(post_id="1", url="https://example.org/1", text="a lamp with a blue shade")
    assert judge(post, (), (), shipped(), 22, model=eager).tier is Tier.NORMAL


@given(st.lists(st.text("abc犀角1", min_size=1, max_size=8), min_size=1, max_size=5))
def test_no_run_of_characters_reaches_over_a_gap(words: list[str]) -> None:
    together = set(np.concatenate(_of_characters(f" {' '.join(words)} ")).tolist())
    apart = {bucket for word in words for part in _of_characters(f" {word} ") for bucket in part.tolist()}
    assert together == apart
