"""Live edits: what changed, bad ones told once, good ones taken, on virtual time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.reload import Change, Reload, difference, in_words
from tests.config.kinds import HEAD, KINDS, load, target, write
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping

START = datetime(2026, 11, 24, 21, tzinfo=UTC)


class Watcher:
    """A `Reload` on virtual time, with what it told so far."""

    def __init__(self, path: Path, loop: JumpLoop) -> None:
        self.clock = JumpClock(loop, START)
        self.told: list[Change] = []
        self.reload = Reload(
            path, self.clock, environment={}, feeds=KINDS.__getitem__, feed_kinds=tuple(KINDS)
        )
        self.reload.read()

    async def follow(self) -> None:
        async for change in self.reload.changes():
            self.told.append(change)

    async def wait(self, seconds: float = 5.0) -> list[Change]:
        """What is told within some seconds."""
        before = len(self.told)
        await self.clock.sleep(seconds)
        return self.told[before:]


def following(path: Path, story: Callable[[Watcher], Awaitable[None]]) -> None:
    """Run `story` beside a watcher of `path`."""

    async def main(loop: JumpLoop) -> None:
        watcher = Watcher(path, loop)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(watcher.follow())
            await story(watcher)
            task.cancel()

    run_jumping(main)


def test_a_good_edit_comes_with_what_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a") + target("b") + target("c"))

    async def story(watcher: Watcher) -> None:
        assert await watcher.wait() == []
        write(
            tmp_path,
            HEAD + 'log_level = "debug"\n' + target("a") + target("b", 'interval = "1m"'),
            d=target("d"),
        )
        (change,) = await watcher.wait()
        assert change.config is not None
        assert change.difference is not None
        told = change.difference
        assert [t.name for t in told.added] == ["d"]
        assert [t.name for t in told.removed] == ["c"]
        assert [(t.name, t.interval_s) for t in told.changed] == [("b", 60)]
        assert [t.name for t in told.unchanged] == ["a"]
        assert told.at_start_only == ("log_level",)
        assert await watcher.wait(60) == []

    following(path, story)


def test_a_target_that_only_gets_another_name_is_told_as_that(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a") + target("b"))

    async def story(watcher: Watcher) -> None:
        assert await watcher.wait() == []
        same = target("b").replace('name = "b"', 'name = "b2"')
        write(tmp_path, HEAD + same + target("c"))
        (change,) = await watcher.wait()
        assert change.difference is not None
        assert change.difference.renamed == (("b", "b2"),)  # "a" is gone, "c" has another address

    following(path, story)


def test_a_bad_edit_is_told_once_and_another_one_again(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        write(tmp_path, HEAD + target("a", "intervall = 5"))
        (change,) = await watcher.wait()
        assert change.config is None
        assert change.mistakes[0].nearest == "interval"
        assert 'did you mean "interval"' in change.words
        write(tmp_path, HEAD + target("a", "intervall = 5") + "# another try\n")
        assert await watcher.wait() == []
        write(tmp_path, HEAD + target("a", "zoone = 5"))
        assert len(await watcher.wait()) == 1
        write(tmp_path, HEAD + target("a"))
        (change,) = await watcher.wait()
        assert change.config is not None
        write(tmp_path, HEAD + target("a", "zoone = 5"))
        assert len(await watcher.wait()) == 1

    following(path, story)


def test_after_a_bad_edit_the_next_good_one_is_compared_with_what_was_in_force(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        write(tmp_path, HEAD + target("b", "zoone = 5"))
        await watcher.wait()
        write(tmp_path, HEAD + target("b"))
        (change,) = await watcher.wait()
        assert change.difference is not None
        assert [t.name for t in change.difference.removed] == ["a"]

    following(path, story)


def test_who_pokes_gets_an_answer_though_nothing_changed(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        watcher.reload.poke()
        (change,) = await watcher.wait(1)
        assert change.difference is not None
        assert [t.name for t in change.difference.unchanged] == ["a"]
        write(tmp_path, HEAD + "x = 1\n")
        assert len(await watcher.wait()) == 1
        watcher.reload.poke()
        (change,) = await watcher.wait(1)
        assert change.config is None

    following(path, story)


def test_an_edit_in_two_steps_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        await watcher.wait(1.95)
        path.write_text(HEAD + "[[target]]\nname = ")
        await watcher.clock.sleep(0.1)
        write(tmp_path, HEAD + target("b"))
        (change,) = await watcher.wait()
        assert change.config is not None

    following(path, story)


def test_touching_a_file_without_changing_it_is_no_edit(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"), more=target("b"))

    async def story(watcher: Watcher) -> None:
        os.utime(path)
        path.write_bytes(path.read_bytes())
        assert await watcher.wait(20) == []

    following(path, story)


def test_an_edit_that_keeps_time_and_size_is_noticed_soon_after_another(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        stamp = path.stat()
        path.write_text(path.read_text().replace("Kunming", "Beijing"))
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        (change,) = await watcher.wait()
        assert change.config is not None
        assert "Beijing" in change.config.targets[0].authority.authorised_by

    following(path, story)


def test_a_changed_lexicon_counts_as_an_edit(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("one\n")
    path = write(tmp_path, HEAD + 'lexicons = ["terms.tsv"]\n' + target("a"))

    async def story(watcher: Watcher) -> None:
        terms.write_text("two\n")
        (change,) = await watcher.wait()
        assert change.config is not None
        terms.unlink()
        (change,) = await watcher.wait()
        assert change.config is None

    following(path, story)


def test_a_file_that_goes_and_comes_back_keeps_the_watch_going(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))
    text = path.read_text()

    async def story(watcher: Watcher) -> None:
        path.unlink()
        (change,) = await watcher.wait()
        assert change.config is None
        path.write_text(text)
        (change,) = await watcher.wait()
        assert change.config is not None

    following(path, story)


def test_hundreds_of_files_are_followed_too(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD, **{f"t{n}": target(f"t{n}") for n in range(200)})

    async def story(watcher: Watcher) -> None:
        (tmp_path / "targets.d" / "t7.toml").unlink()
        (change,) = await watcher.wait()
        assert change.difference is not None
        assert [t.name for t in change.difference.removed] == ["t7"]

    following(path, story)


def test_difference_is_pure_and_tells_nothing_of_equals(tmp_path: Path) -> None:
    config = load(write(tmp_path, HEAD + target("a")))
    told = difference(config, config)
    assert (told.added, told.removed, told.changed, told.at_start_only) == ((), (), (), ())
    assert told.unchanged == config.targets


def test_a_chat_is_spared_the_hundredth_mistake(tmp_path: Path) -> None:
    from tests.config.kinds import mistakes

    found = mistakes(write(tmp_path, HEAD + "".join(target(f"t{n}", "zoone = 5") for n in range(30))))
    assert in_words(found).count("\n") == 20
    assert "10 more" in in_words(found)


def test_the_first_accepted_word_is_taken_up_though_its_file_was_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + target("a"))

    async def story(watcher: Watcher) -> None:
        before = watcher.reload.read()
        assert before.lexicons == ()
        accepted = before.data_dir / "observed.tsv"
        accepted.parent.mkdir(parents=True, exist_ok=True)
        accepted.write_text("# version observed-1\n", encoding="utf-8")
        (change,) = await watcher.wait()
        assert change.config is not None
        assert change.config.lexicons == (accepted,)
        accepted.write_text("# version observed-2\n", encoding="utf-8")
        assert len(await watcher.wait()) == 1

    following(path, story)
