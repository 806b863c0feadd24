"""A stand-in for Isaac Sim's Python, laid out as NVIDIA's."""

import sys

import pytest

PYTHON_SH = """#!/bin/bash
set -e
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python_exe=${PYTHONEXE:-"$here/kit/python/bin/python3"}
$python_exe "$@" || { echo "There was an error running python"; exit 1; }
"""
"""What matters here of NVIDIA's script: Python is its child, and PYTHONEXE names another, unquoted."""


@pytest.fixture
def isaac_python(tmp_path):
    """Return a python.sh; beside it, kit/python/bin/python3 is this interpreter."""
    script, interpreter = tmp_path / "isaac-sim/python.sh", tmp_path / "isaac-sim/kit/python/bin/python3"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    script.write_text(PYTHON_SH)
    for file in (script, interpreter):
        file.chmod(0o755)
    return script
