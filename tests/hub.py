"""A hub of models on loopback: as much of the documented wire as fetching a model takes, with its faults.

https://huggingface.co/docs/hub/api
"""

import hashlib
import json
import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SHA = "c" * 40
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
REPOSITORIES = {  # name: the folder below the hub's own
    "org/good": "sd15", "org/cut": "sd15", "org/half": "sd15", "org/lora": "lora", "org/tiny-vae": "tiny-vae",
    "org/huge": "sd15", "org/private": "sd15", "org/weights": "klein/transformer", "org/filed": "filed",
    "org/adapter": "adapter",
}  # fmt: skip
FAULTS = {"org/gated": (403, "GatedRepo", "Access to model org/gated is restricted"),
          "org/missing": (404, "RepoNotFound", "Repository not found"), "org/busy": (503, "", "")}  # fmt: skip


class Hub:
    """Serves the folders of REPOSITORIES, and remembers which files were asked for."""

    def __init__(self, folder):
        self.folder, self.asked, self.ranges, self.cuts, self.dies, self.shut = folder, [], [], 0, "", False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shut = True
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.hub.shut:  # a connection that was kept open
            self.close_connection = True
            return
        path = unquote(urlsplit(self.path).path)
        name = "/".join(path.removeprefix("/api/models").strip("/").split("/")[:2])
        if name in FAULTS:
            code, mark, words = FAULTS[name]
            self._send(code, json.dumps({"error": words}).encode(), {"X-Error-Code": mark, "X-Error-Message": words})
        elif name not in REPOSITORIES:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif name == "org/private" and self.headers.get("Authorization") != "Bearer hf_secret":
            self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif path.startswith("/api/"):
            self._api(name, path)
        else:
            self._file(name, path.partition(f"/resolve/{SHA}/")[2] or path.partition("/resolve/main/")[2])

    def _files(self, name):
        place = self.hub.folder / REPOSITORIES[name]
        return {str(path.relative_to(place)): path for path in sorted(place.rglob("*")) if path.is_file()}

    def _api(self, name, path):
        big = 10**15 if name == "org/huge" else 0
        files = [{"type": "file", "path": each, "rfilename": each, "oid": hashlib.sha1(each.encode()).hexdigest(),
                  "size": at.stat().st_size + big} for each, at in self._files(name).items()]  # fmt: skip
        tree = "/tree/" in path
        whole = {"id": name, "modelId": name, "sha": SHA, "siblings": files, "tags": [], "private": False}
        self._send(200, json.dumps(files if tree else whole).encode(), {"Content-Type": "application/json"})

    def _file(self, name, file):
        path = self._files(name).get(file)
        if path is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if self.command == "GET":
            self.hub.asked.append(f"{name}/{file}")
        data = path.read_bytes()
        if name == "org/half" and file == self.hub.dies and self.command == "GET":
            self._send(500, b"", {})
            return
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        at = int(start[1]) if start else 0
        if start:
            self.hub.ranges.append(at)
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": SHA, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {at}-{len(data) - 1}/{len(data)}"
        keep = None
        if file == WEIGHTS and name == "org/cut" and self.hub.cuts and self.command == "GET":
            self.hub.cuts -= 1
            keep = (len(data) - at) // 2
        self._send(206 if start else 200, data[at:], headers, keep)

    def _send(self, code, body, headers, keep=None):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[:keep])
        if keep is not None:
            self.close_connection = True
            self.connection.close()
