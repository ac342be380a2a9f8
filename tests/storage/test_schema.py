"""Migrations lead to the very schema that the models describe; durability is what SQLite says it is."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.models import Model

from storage import (
    case_tables,
    duty_tables,
    lane_tables,
    manner_tables,
    migrations,
    reading_tables,
    search,
    seller_tables,
    tables,
)
from storage.database import Database, configuration
from storage.errors import DatabaseTrouble
from storage.store import Store
from tests.fakes.schema import the_long_way
from tests.storage.kit import HandClock, opened

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def migrated_from_nothing() -> Iterator[None]:
    with the_long_way():
        yield


def schema(path: Path) -> dict[str, str]:
    """Every table and index by name, as SQLite keeps it, spaces apart."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: _spaced(sql) for name, sql in rows if name != "tortoise_migrations"}


def _spaced(sql: str) -> str:
    """One space between words; ALTER TABLE puts its own before commas and brackets."""
    return re.sub(r" +([,)])", r"\1", " ".join(sql.split()))


async def fresh(path: Path) -> None:
    """The schema straight from the models, and the one table that has none."""
    context = TortoiseContext()
    async with context:
        await context.init(config=configuration(path))
        await context.connections.get("writer").execute_script("PRAGMA user_version = 0")
        from tortoise.utils import generate_schema_for_client

        await generate_schema_for_client(context.connections.get("writer"), safe=False)
        await context.connections.get("writer").execute_script(search.SCHEMA)


def names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(migrations.__path__) if m.name[0].isdigit())


async def migrate_to(path: Path, name: str) -> None:
    context = TortoiseContext()
    config = configuration(path)
    async with context:
        await context.init(config=config)
        executor = MigrationExecutor(context.connections.get("writer"), config["apps"])
        await executor.migrate([MigrationTarget(app_label="storage", name=name)])


async def test_a_migrated_database_equals_a_fresh_one(tmp_path: Path) -> None:
    async with opened(tmp_path / "data"):
        pass
    await fresh(tmp_path / "fresh.db")
    assert schema(tmp_path / "data" / "nightjar.db") == schema(tmp_path / "fresh.db")


@pytest.mark.parametrize("name", names())
async def test_a_database_of_any_earlier_version_is_brought_up(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    await migrate_to(tmp_path / "data" / "nightjar.db", name)
    async with opened(tmp_path / "data"):
        pass
    await fresh(tmp_path / "fresh.db")
    assert schema(tmp_path / "data" / "nightjar.db") == schema(tmp_path / "fresh.db")


async def test_the_models_hold_nothing_that_no_migration_makes(tmp_path: Path) -> None:
    context = TortoiseContext()
    config = configuration(tmp_path / "x.db")
    async with context:
        await context.init(config=config)
        assert context.apps is not None
        detector = MigrationAutodetector(context.apps, config["apps"])
        assert await detector.changes() == []


def test_indexes_stand_where_migrations_do_not_lose_them() -> None:
    rooms = (tables, case_tables, manner_tables, lane_tables, duty_tables, seller_tables, reading_tables)
    named = [one for room in rooms for one in vars(room).values()]
    models = [m for m in named if isinstance(m, type) and issubclass(m, Model) and m is not Model]
    assert len(models) > 10
    for model in models:
        assert model._meta.table_description == model._meta.db_table
        for name, field in model._meta.fields_map.items():
            assert not field.index or field.pk, f"{model.__name__}.{name}"


def test_every_migration_has_a_module_of_its_own_name() -> None:
    for name in names():
        assert importlib.import_module(f"storage.migrations.{name}").Migration


async def test_durability_is_read_back(store: Store) -> None:
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2)):
        rows = (await store.vault.database.writer.execute_query(f"PRAGMA {pragma}"))[1]
        assert tuple(rows[0]) == (wanted,)


async def test_the_reading_connection_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="readonly"):
        await store.vault.database.rows("DELETE FROM leaf")


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "nightjar.db")) as connection, connection:
        values = "('storage', '9999_later', '2030-01-01')"
        connection.execute(f"INSERT INTO tortoise_migrations (app, name, applied_at) VALUES {values}")
    with pytest.raises(DatabaseTrouble, match="newer version"):
        await Store.open(tmp_path, HandClock())


async def test_a_database_that_lacks_nothing_is_opened_without_reading_the_migrations(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from storage.clock import SystemClock; from storage.store import Store\n"
        "async def main(): await (await Store.open(Path(sys.argv[1]), SystemClock())).close()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith('storage.migrations.')])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(tmp_path)), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    said, _ = await process.communicate()
    assert said.decode().strip() == "[]"


async def test_a_reader_refuses_an_older_database(tmp_path: Path) -> None:
    await migrate_to(tmp_path / "nightjar.db", names()[0])
    with pytest.raises(DatabaseTrouble, match="older version"):
        await Store.open_reader(tmp_path, HandClock())


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "nightjar.db").write_bytes(b"holiday pictures" * 500)
    with pytest.raises(DatabaseTrouble, match="not a database"):
        await Store.open(tmp_path, HandClock())
    (tmp_path / "nightjar.db").unlink()
    async with opened(tmp_path) as store:  # the lock was given back
        assert await store.root() == (0, (await store.root())[1])


async def test_two_databases_live_side_by_side(tmp_path: Path) -> None:
    one = await Database.open(tmp_path / "one.db", writable=True)
    two = await Database.open(tmp_path / "two.db", writable=True)
    assert await one.rows("SELECT count(*) FROM leaf") == await two.rows("SELECT count(*) FROM leaf")
    await two.close()
    assert len(await one.rows("SELECT 1")) == 1
    await one.close()
    await one.close()


async def test_an_event_is_found_by_its_kind_without_reading_the_whole_log(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as store:
        sql = (
            "EXPLAIN QUERY PLAN SELECT entry FROM leaf WHERE kind = 'lexicon' ORDER BY \"index\" DESC LIMIT 1"
        )
        plan = [str(row[3]) for row in await store.vault.database.rows(sql)]
    assert plan == ["SEARCH leaf USING INDEX leaf_kind (kind=?)"]
