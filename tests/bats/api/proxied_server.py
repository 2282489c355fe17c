#!/usr/bin/env python3
"""What stands behind a proxy in tests: says what it was asked, serves a page with links, switches protocols, takes and gives
much, ends early.

proxied_server.py ADDRESS PORT [CERT KEY]
"""
import gzip
import http.server
import json
import socket
import ssl
import sys
import threading

PAGE = b'<html><a href="/next">n</a><a href="http://example.com/x">e</a><script src=/s.js></script></html>'


released = threading.Event()
seen = {"stalled": 0, "broken": 0, "sent": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, kind="application/json", code=200, **headers):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def echo(self):
        """Bytes both ways until the other side ends."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", self.headers["Upgrade"])
        self.end_headers()
        while data := self.connection.recv(65536):
            self.connection.sendall(data.upper())
        self.close_connection = True

    def pieces(self):
        """The body as it comes, by its length or in chunks."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16): # ValueError where it broke off
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                raise EOFError
            left -= len(piece)
            yield piece

    def sink(self):
        """Counts a body."""
        try:
            n = sum(len(piece) for piece in self.pieces())
        except (EOFError, ValueError, ConnectionError):
            seen["broken"] += 1
            self.close_connection = True
            return
        self.answer(json.dumps({"bytes": n, "length": self.headers.get("Content-Length")}).encode())

    def stall(self):
        """The same, once somebody asks for /release."""
        seen["stalled"] += 1
        released.wait(120)
        self.sink()

    def early(self):
        """Answers before the body has come, and closes as servers do."""
        self.answer(b"enough", "text/plain", 413, Connection="close")
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        for _ in range(200):
            if not self.connection.recv(65536):
                break
        self.close_connection = True

    def die(self):
        """Takes the beginning of a body and breaks off."""
        self.rfile.read(100000)
        self.close_connection = True

    def flood(self):
        """More than anybody should keep."""
        self.send_response(200)
        self.send_header("Content-Length", str(200 << 20))
        self.end_headers()
        seen["sent"] = 0
        for _ in range(3200):
            self.wfile.write(bytes(65536))
            seen["sent"] += 65536

    def run(self):
        path = self.path.split("?")[0]
        large = {"/sink": self.sink, "/stall": self.stall, "/early": self.early, "/die": self.die, "/flood": self.flood}
        if path in large:
            large[path]()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/release":
            released.set()
        if self.headers.get("Upgrade") and path == "/switch":
            self.echo()
        elif path == "/page":
            self.answer(PAGE, "text/html; charset=utf-8")
        elif path == "/page.gz":
            self.answer(gzip.compress(PAGE), "text/html", Content_Encoding="gzip")
        elif path == "/moved":
            self.answer(b"", code=302, Location="/next?x=/y")
        elif path == "/big":
            self.answer(b"x" * 5000000, "application/octet-stream")
        elif path == "/seen":
            self.answer(json.dumps(seen).encode())
        elif path == "/teapot":
            self.answer(b"short and stout", "text/plain", 418)
        else:
            self.answer(json.dumps({
                "method": self.command, "path": self.path, "body": body.decode(),
                "headers": {k.lower(): v for k, v in self.headers.items()}}).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = run

    def log_message(self, *args):
        pass


def main():
    address, port = sys.argv[1:3]
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[3:5])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


main()
