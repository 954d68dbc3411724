"""Small real servers on loopback, for tests of what comes over the network."""

import contextlib
import gzip
import re
import socket
import threading


class Loopback:
    """A TCP server that answers each connection with the next of its scripts, and remembers what it was asked.

    A script is bytes to send, or a function of the connected socket and the request.
    """

    def __init__(self, *scripts, tls=None):
        self.scripts, self.requests, self._tls = list(scripts), [], tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/feed"
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                thread = threading.Thread(target=self._answer, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _answer(self, sock):
        with contextlib.suppress(OSError, ValueError), sock:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with sock:
                request = b""
                while b"\r\n\r\n" not in request and (got := sock.recv(65536)):
                    request += got
                posted = re.search(rb"(?i)\r\nContent-Length: (\d+).*?\r\n\r\n", request, re.DOTALL)
                while posted and len(request) < posted.end() + int(posted[1]) and (got := sock.recv(65536)):
                    request += got
                script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
                self.requests.append(request.decode("latin-1"))
                if callable(script):
                    script(sock, self.requests[-1])
                else:
                    sock.sendall(script)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


def answer(body=b"", status="200 OK", **headers):
    """The bytes of an HTTP answer; header names with _ for -."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def gzipped(body):
    return gzip.compress(body, mtime=0)


def forever(first, then):
    """A script that sends ``first`` and goes on sending ``then`` until the other side hangs up."""

    def script(sock, _):
        sock.sendall(first)
        while True:
            sock.sendall(then)

    return script


def site(pages):
    """A script that answers by path, 404 where there is none; a page is a body, or the bytes of an answer."""

    def script(sock, request):
        page = pages.get(request.split(" ")[1])
        if page is None:
            page = answer(b"<html>nothing here</html>", "404 Not Found")
        sock.sendall(page if page.startswith(b"HTTP/1.1 ") else answer(page))

    return script


def paths(server):
    """What a server was asked for, in order."""
    return [request.split(" ")[1] for request in server.requests]
