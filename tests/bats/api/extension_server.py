#!/usr/bin/env python3
"""An extension server and conversion webhook for tests: HTTPS on a port of 127.0.0.1, which it prints, with a client
certificate asked for.

extension_server.py CERT KEY CLIENT_CA
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


WIDE = {"type": "object", "properties": {"wide": {"type": "string"}}}
PATHS = {
    "/apis/ext.example.com/v1/things": {"get": {"operationId": "listThings", "responses": {"200": {
        "description": "OK", "schema": {"$ref": "#/definitions/com.example.ext.v1.Thing"}}},
        "x-kubernetes-group-version-kind": {"group": "ext.example.com", "version": "v1", "kind": "Thing"}}},
    "/apis/other.example.com/v1/secrets": {"get": {"operationId": "notMine", "responses": {}}},
}
# A definition of its own, one that the server has in other words, and one that refers to itself.
V2 = {"swagger": "2.0", "info": {"title": "ext", "version": "1"}, "paths": PATHS, "definitions": {
    "com.example.ext.v1.Thing": {"type": "object", "properties": {
        "metadata": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
        "next": {"$ref": "#/definitions/com.example.ext.v1.Thing"}, "color": {"type": "string"}},
        "x-kubernetes-group-version-kind": [{"group": "ext.example.com", "version": "v1", "kind": "Thing"}]},
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": WIDE, "com.example.ext.v1.Unused": WIDE}}
V3 = {"openapi": "3.0.0", "info": V2["info"], "paths": {"/apis/ext.example.com/v1/things": {"get": {
    "responses": {}, "x-kubernetes-action": "list",
    "x-kubernetes-group-version-kind": {"group": "ext.example.com", "version": "v1", "kind": "Thing"}}}},
      "components": {"schemas": {"com.example.ext.v1.Thing": {
          "type": "object", "description": "A thing.", "properties": {"color": {"type": "string", "description": "Its paint."}},
          "x-kubernetes-group-version-kind": [{"group": "ext.example.com", "version": "v1", "kind": "Thing"}]}}}}
V3_URL = "/openapi/v3/apis/ext.example.com/v1"


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
        elif self.path == "/openapi/v2":
            self.answer(V2)
        elif self.path == "/openapi/v3":
            self.answer({"paths": {V3_URL[len("/openapi/v3/"):]: {"serverRelativeURL": V3_URL + "?hash=EXT"}}})
        elif self.path.split("?")[0] == V3_URL:
            self.answer(V3)
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
    cert, key, ca = sys.argv[1:4]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
