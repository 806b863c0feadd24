"""Readers of a database that is rebuilt under them see the old one or the new one, never a part."""

import json
import subprocess
import sys
import time

from synthetic_runs import build, write_experiment

READER = """
import json, sys, time
from pathlib import Path
from sitt.query import connect

database, stop = map(Path, sys.argv[1:])
seen, reads = set(), 0
sql = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM training), (SELECT count(*) FROM episodes), count(*) "
while not stop.exists():
    with connect(database) as connection:
        seen.add(connection.execute(sql + "FROM table1").fetchone())
    reads += 1
print(json.dumps([reads, sorted(seen)]))
"""


def test_ten_rebuilds_under_two_readers(tmp_path):
    folders, stop = write_experiment(tmp_path), tmp_path / "stop"
    database = build(tmp_path, folders[:3])  # one method
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(database), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    time.sleep(1.0)
    for k in range(10):
        build(tmp_path, folders if k % 2 == 0 else folders[:3])
        time.sleep(0.2)
    stop.touch()
    of_runs = {runs: [runs, runs * 5 * 2, runs * 10 * 2, runs // 3] for runs in (3, 12)}
    everything = []
    for reader in readers:
        output, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors
        reads, seen = json.loads(output)
        assert reads > 10
        everything += seen
        assert all(row in of_runs.values() for row in seen), seen
    assert {row[0] for row in everything} == {3, 12}
