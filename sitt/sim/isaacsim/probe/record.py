"""What was found so far, in a file that both processes read and write in turn."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Optional

from sitt.files import atomic_path
from sitt.findings import Finding


class Record:
    """The findings by point, in a JSON file that is always whole."""

    def __init__(self, path: Path) -> None:
        """Read what the file holds, or start with nothing."""
        self.path = path
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"running": None, "points": {}}
        self.running: Optional[str] = content.pop("running")
        """The point that is being measured."""
        self.findings = {name: Finding(**finding) for name, finding in content.pop("points").items()}
        self.about: Dict[str, Any] = content
        """Where and of what: configuration, versions, hardware."""

    def begin(self, name: str) -> None:
        """Write down which point is measured next."""
        self.running = name
        self._write()

    def add(self, name: str, finding: Finding) -> None:
        """Write down what was found."""
        self.running = None
        self.findings[name] = finding
        self._write()

    def _write(self) -> None:
        points = {name: asdict(finding) for name, finding in self.findings.items()}
        for point in points.values():
            point["measured"] = {key: _number(value) for key, value in point["measured"].items()}
        content = {**self.about, "running": self.running, "points": points}
        with atomic_path(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _number(value: Any) -> Any:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
