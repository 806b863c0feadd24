import duckdb
import pytest
from synthetic_runs import build, write_experiment

from sitt.errors import UserError
from sitt.query import query, text_table
from sitt.report.figure3 import write_figure3
from sitt.report.html import write_html
from sitt.report.table1 import write_table1
from sitt.store import SCHEMA_VERSION


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    root = tmp_path_factory.mktemp("query")
    return build(root, write_experiment(root))


def test_prints_an_aligned_table(database):
    assert query(database, "SELECT method, n, success_mean, success_std FROM table1 LIMIT 2").splitlines() == [
        "method  n  success_mean  success_std",
        "------  -  ------------  -----------",
        "bc      3         0.200        0.100",
        "dagger  3         0.500        0.000",
    ]


def test_null_and_no_rows(database):
    assert query(database, "SELECT NULL AS x, 'a\nb' AS y").splitlines() == ["   x  y", "----  ---", "NULL  a b"]
    assert query(database, "SELECT method FROM table1 WHERE false").splitlines() == ["method", "------"]
    assert text_table(["a"], []) == "a\n-"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO meta VALUES (2, 'x', 'x', true)",
        "DELETE FROM runs",
        "UPDATE runs SET seed = 7",
        "TRUNCATE episodes",
        "ALTER TABLE runs ADD COLUMN x INTEGER",
        "COMMENT ON TABLE runs IS 'x'",
        "CREATE OR REPLACE VIEW table1 AS SELECT 1",
        "DROP VIEW table1",
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1; DELETE FROM runs",
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM glob('/etc/*')",
        "FROM read_blob('/etc/passwd')",
        "FROM sniff_csv('/etc/passwd')",
        "FROM read_parquet('/etc/passwd')",
        "COPY runs FROM '/etc/passwd'",
        "COPY runs TO '{folder}/leak.csv'",
        "EXPORT DATABASE '{folder}/leak'",
        "IMPORT DATABASE '{folder}'",
        "ATTACH '{folder}/other.duckdb'",
        "ATTACH ':memory:' AS other; CREATE TABLE other.t AS SELECT 1",
        "CREATE PERSISTENT SECRET leak (TYPE s3)",
        "INSTALL httpfs",
        "FORCE INSTALL json FROM community",
        "LOAD httpfs",
        "LOAD '{folder}/evil.duckdb_extension'",
        "SET enable_external_access = true",
        "SET GLOBAL enable_external_access = true",
        "RESET enable_external_access",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET access_mode = 'read_write'",
        "SET allow_unsigned_extensions = true",
        "SET temp_directory = '{folder}'",
        "SET log_query_path = '{folder}/log'",
        "PRAGMA profiling_output = '{folder}/profile'",
        "CREATE TEMP VIEW v AS FROM read_text('/etc/passwd'); FROM v",
        "CREATE TEMP MACRO m(p) AS TABLE FROM read_text(p); FROM m('/etc/passwd')",
        "WITH x AS (FROM read_csv('/etc/passwd')) SELECT * FROM x",
        "SELECT (SELECT max(content) FROM read_text('/etc/passwd'))",
        "FROM query('FROM read_text(''/etc/passwd'')')",
        "FROM query_table('/etc/passwd')",
        "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''/etc/passwd'')'))",
        "PREPARE p AS FROM read_text($1); EXECUTE p('/etc/passwd')",
        "SET VARIABLE p = '/etc/passwd'; FROM read_text(getvariable('p'))",
        "EXPLAIN ANALYZE FROM read_text('/etc/passwd')",
        "FROM read_json('/proc/self/environ')",
        "FROM parquet_schema('/etc/passwd')",
        "FROM 'http://127.0.0.1:1/x.csv'",
        "CALL enable_logging('QueryLog', storage_path = '{folder}/log')",
        "SELECT getenv('HOME')",
        "FROM tmp_path",
        "SELEKT 1",
        "FROM nowhere",
        "",
        "-- nothing",
    ],
)
def test_refuses_to_write_to_leave_the_database_and_to_guess(database, tmp_path, sql):
    before = database.read_bytes()
    with pytest.raises(UserError) as failure:
        query(database, sql.format(folder=tmp_path))
    assert "\n" not in str(failure.value)
    assert database.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_strangers_database_reads_no_files_either(tmp_path):
    path = tmp_path / "metrics.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE VIEW table1 AS FROM read_text('/etc/hostname')")
        connection.execute("CREATE MACRO t() AS TABLE FROM glob('/etc/*')")
    for sql in ("FROM table1", "FROM t()"):
        with pytest.raises(UserError, match="file system operations are disabled"):
            query(path, sql)


def test_a_database_of_another_schema_says_so(tmp_path):
    path = build(tmp_path, write_experiment(tmp_path))
    with duckdb.connect(path) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN attempts")
        connection.execute("UPDATE meta SET schema_version = 5")
    advice = rf"it has schema version 5, this code's is {SCHEMA_VERSION}; run the workflow again to rebuild it"
    assert query(path, "SELECT count(*) FROM runs").endswith("12")  # what it has can be asked for
    with pytest.raises(UserError, match=rf"metrics\.duckdb: {advice}"):
        query(path, "SELECT attempts FROM runs")
    for write in (write_table1, write_figure3, write_html):
        with pytest.raises(UserError, match=rf"metrics\.duckdb cannot be read: {advice}"):
            write(path, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.duckdb does not exist; run"):
        query(tmp_path / "none.duckdb", "SELECT 1")
    (tmp_path / "text.duckdb").write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(UserError, match=r"text\.duckdb cannot be read"):
        query(tmp_path / "text.duckdb", "SELECT 1")
