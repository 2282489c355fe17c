#!/usr/bin/env python3
"""An extension server and conversion webhook for tests: HTTPS on 127.0.0.1 with a client certificate asked for.

extension_server.py PORT CERT KEY CLIENT_CA
"""
import http.server
import json
import ssl
import sys

RESOURCES = {
    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "ext.example.com/v1",
    "resources": [{"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing",
                   "verbs": ["get", "list", "create"], "shortNames": ["th"]}],
}


def convert(obj, version):
    """hot and cold are numbers of v1 and one text of v2."""
    obj = json.loads(json.dumps(obj))
    spec = obj.setdefault("spec", {})
    if version.endswith("/v2") and "host" in spec:
        spec["hostPort"] = "%s:%s" % (spec.pop("host"), spec.pop("port", 0))
    elif version.endswith("/v1") and "hostPort" in spec:
        spec["host"], port = spec.pop("hostPort").split(":")
        spec["port"] = int(port)
    obj["apiVersion"] = version
    return obj


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value, code=200):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def seen(self, body=None):
        subject = dict(pair[0] for pair in (self.connection.getpeercert() or {}).get("subject", ()))
        return {"kind": "Thing", "apiVersion": "ext.example.com/v1", "metadata": {"name": "seen"},
                "user": self.headers.get("X-Remote-User"), "groups": self.headers.get_all("X-Remote-Group"),
                "peer": subject.get("commonName"), "path": self.path, "authorization": self.headers.get("Authorization"),
                "body": body}

    def do_GET(self):
        if self.path == "/apis/ext.example.com/v1":
            self.answer(RESOURCES)
        elif self.path.startswith("/apis/ext.example.com/v1/stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Connection", "close")
            self.end_headers()
            for i in range(1000):
                self.wfile.write(b"%0999d\n" % i)
            self.close_connection = True
        else:
            self.answer(self.seen())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path.startswith("/convert"):
            request = body["request"]
            objects = [convert(o, request["desiredAPIVersion"]) for o in request["objects"]]
            result = {"status": "Success"}
            if any(o.get("spec", {}).get("host") == "bad" for o in request["objects"]):
                objects, result = [], {"status": "Failed", "message": "a bad host"}
            self.answer({"kind": "ConversionReview", "apiVersion": body["apiVersion"],
                         "response": {"uid": request["uid"], "convertedObjects": objects, "result": result}})
        else:
            self.answer(self.seen(body), 201)

    def log_message(self, *args):
        pass


def main():
    port, cert, key, ca = sys.argv[1:5]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


main()
