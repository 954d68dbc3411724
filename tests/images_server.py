"""A real server on loopback that speaks OpenAI's Images protocol, faults included."""

import base64
import contextlib
import io
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .pictures import dusk


def file(image, kind="PNG"):
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def painted(body):
    """What a good server does: a picture of the size that was asked for."""
    width, height = map(int, body.get("size", "1024x1024").split("x"))
    return holding(file(dusk(width, height)))


def holding(data, **other):
    """A good answer around any bytes."""
    entry = {"b64_json": base64.b64encode(data).decode(), **other}
    return 200, {}, json.dumps({"created": 1, "data": [entry]}).encode()


def refusing(status, message="", code=None, **headers):
    """An error as OpenAI words it."""
    error = {"message": message, "type": "some_error", "param": None, "code": code}
    return status, headers, json.dumps({"error": error}).encode()


class Server:
    """Answers each request with the next script: (status, headers, body), or a function of the request's JSON."""

    def __init__(self, *scripts):
        self.scripts, self.asked, self.headers = list(scripts), [], []
        self.silent = threading.Event()  #: set when the test is over: wakes a server that says nothing

    def answer(self, path, headers, body):
        script = self.scripts[min(len(self.asked), len(self.scripts) - 1)]
        self.asked.append({"path": path, **body})
        self.headers.append(headers)
        if script is silence:
            return silence(self)
        return script(body) if callable(script) else script


def silence(server):
    """Nothing, for as long as the test lasts."""
    server.silent.wait(60)
    return 200, {}, b""


@contextmanager
def speaking(*scripts):
    server = Server(*scripts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, data = server.answer(self.path, self.headers, body)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {"Content-Length": len(data), "Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(data)
            self.close_connection = True

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/v1"
        server.host = f"127.0.0.1:{http.server_port}"
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.silent.set()
            http.shutdown()
            thread.join(5)
