"""`sitt weights` against a hub on this machine: whole, resumed after a kill, verified, and once."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from sitt.config.encoder import DinoConfig
from sitt.fetch import fetch
from tests.conftest import sentence

ROOT = Path(__file__).resolve().parents[2]
REVISION = "0123456789abcdef" * 2 + "01234567"
FOLDER = Path("weights/someone/dino-tiny") / REVISION
WEIGHTS = bytes(range(256)) * 4096
FILES = {"config.json": b"{}", "preprocessor_config.json": b'{"a": 1}', "model.safetensors": WEIGHTS}


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's protocol that a download uses; the weights come from another address, as they do there."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        server = self.server
        found = re.fullmatch(rf"/(someone/dino-tiny/resolve/{REVISION}|cdn)/(.+)", self.path)
        content = found and server.files.get(found[2])
        if content is None:
            self.send_error(404)
            return
        if found[2] == "model.safetensors" and found[1] != "cdn":
            self.send_response(302)
            self.send_header("Location", f"{server.url}/cdn/model.safetensors")
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-Etag", '"etag"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int((self.headers.get("Range") or "bytes=0-")[len("bytes=") : -1])
        self.send_response(206 if start else 200)
        self.send_header("Etag", '"etag"')
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not body:
            return
        server.sent.append((found[2], start))
        stop = server.stop_after if found[2] == "model.safetensors" else None
        self.wfile.write(content[start:stop])
        if stop:  # the line is slow: the rest never comes
            self.wfile.flush()
            server.released.wait(60)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.files, server.sent, server.stop_after, server.released = dict(FILES), [], None, threading.Event()
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def section(**changes):
    keys = dict(name="dinov2", class_token=False, device="cpu", cache_mebibytes=0, pretrained="someone/dino-tiny")
    return DinoConfig(**{**keys, "revision": REVISION, "checksum": hashlib.sha256(WEIGHTS).hexdigest(), **changes})


def test_it_is_fetched_whole_and_once(hub):
    assert fetch(section()) == FOLDER
    assert {name: (FOLDER / name).read_bytes() for name in FILES} == FILES
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, ".lock"}
    hub.sent.clear()
    fetch(section())
    assert not hub.sent


def test_what_is_there_is_not_fetched_again(hub):
    FOLDER.mkdir(parents=True)
    (FOLDER / "model.safetensors.part").write_bytes(WEIGHTS[:1000])
    (FOLDER / "config.json").write_bytes(FILES["config.json"])
    fetch(section())
    assert hub.sent == [("preprocessor_config.json", 0), ("model.safetensors", 1000)]
    assert (FOLDER / "model.safetensors").read_bytes() == WEIGHTS


def test_a_whole_file_that_was_not_yet_checked_is_taken(hub):
    FOLDER.mkdir(parents=True)
    (FOLDER / "model.safetensors.part").write_bytes(WEIGHTS)
    fetch(section())
    assert "model.safetensors" not in [name for name, _ in hub.sent]
    assert (FOLDER / "model.safetensors").read_bytes() == WEIGHTS


def test_after_a_kill_it_goes_on_with_what_is_there(hub):
    """The real command, killed while the weights come in; the downloader writes pieces of 10 MB."""
    large = hub.files["model.safetensors"] = WEIGHTS * 24
    keys = section(checksum=hashlib.sha256(large).hexdigest()).model_dump(exclude={"name"})
    changes = [
        "encoder=dinov2",
        "task.camera.image_size=28",
        *(f"encoder.{key}={value}" for key, value in keys.items()),
    ]
    command = [sys.executable, "-m", "sitt.cli", "weights", "--experiment", "smoke", *changes]
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}
    part = FOLDER / "model.safetensors.part"
    hub.stop_after = 21_000_000
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size >= 10_000_000) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    hub.released.set()
    begun = part.stat().st_size
    assert 10_000_000 <= begun <= 21_000_000 and not (FOLDER / "model.safetensors").exists()
    hub.stop_after = None
    hub.sent.clear()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert hub.sent == [("model.safetensors", begun)]
    assert (FOLDER / "model.safetensors").read_bytes() == large
    assert str(FOLDER) in done.stdout and not part.exists()


def test_other_bytes_than_were_meant_are_thrown_away(hub):
    hub.files["model.safetensors"] = WEIGHTS[:-1] + b"?"
    message = sentence(fetch, section())
    assert "not encoder.checksum" in message and hashlib.sha256(hub.files["model.safetensors"]).hexdigest() in message
    assert not list(FOLDER.glob("model.safetensors*"))
    hub.files["model.safetensors"] = WEIGHTS
    fetch(section())


def test_a_model_or_a_network_that_is_not_there_is_one_sentence(hub):
    assert "cannot fetch someone/else (" in sentence(fetch, section(pretrained="someone/else"))
    hub.shutdown()
    hub.server_close()
    message = sentence(fetch, section())
    assert "cannot fetch someone/dino-tiny (" in message
    assert f"do it where there is a network, or copy {FOLDER}" in message


def test_a_folder_of_the_users_own_is_only_checked(hub, tmp_path):
    assert "config.json does not exist" in sentence(fetch, section(pretrained=str(tmp_path), revision=""))
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert fetch(section(pretrained=str(tmp_path), revision="")) == tmp_path
    assert not hub.sent
