#!/usr/bin/env python3
"""A small admission webhook: POST /WHAT answers by WHAT; every request is appended to LOG as one JSON line.
POST /set/a/b/VALUE answers with a patch that sets the member /a/b; POST /convert converts: size of v1 is count of v2.

usage: webhook_server.py CERT KEY LOG      prints its port"""
import base64
import http.server
import json
import ssl
import sys
import time

CERT, KEY, LOG = sys.argv[1:4]


def label(request, key, value):
    labels = (request['object'].get('metadata') or {}).get('labels')
    if labels is None:
        return [{'op': 'add', 'path': '/metadata/labels', 'value': {key: value}}]
    return [{'op': 'add', 'path': '/metadata/labels/' + key, 'value': value}]


def answer(what, request):
    response = {'uid': request['uid'], 'allowed': True}
    if what == 'deny':
        response.update(allowed=False, status={'code': 418, 'message': 'not today'})
    elif what == 'silent':
        response['allowed'] = False
    elif what == 'warn':
        response.update(warnings=['mind the gap'], auditAnnotations={'k': 'v'})
    elif what.startswith('label-'):
        patch = json.dumps(label(request, what[6:], 'yes')).encode()
        response.update(patchType='JSONPatch', patch=base64.b64encode(patch).decode())
    elif what.startswith('set/'):
        path, value = what[3:].rsplit('/', 1)
        patch = json.dumps([{'op': 'add', 'path': path, 'value': json.loads(value)}]).encode()
        response.update(patchType='JSONPatch', patch=base64.b64encode(patch).decode())
    elif what == 'uid':
        response['uid'] = 'other'
    return response


def convert(obj, version):
    old, new = ('size', 'count') if version.endswith('/v2') else ('count', 'size')
    spec = obj.get('spec', {})
    if old in spec:
        spec[new] = spec.pop(old)
    return dict(obj, apiVersion=version)


def converted(request):
    return {'uid': request['uid'], 'result': {'status': 'Success'},
            'convertedObjects': [convert(o, request['desiredAPIVersion']) for o in request['objects']]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        what = self.path.split('?')[0].strip('/')
        review = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if what != 'convert':
            with open(LOG, 'a') as f:
                f.write(json.dumps({'path': self.path, 'request': review['request']}) + '\n')
        if what == 'slow':
            time.sleep(3)
        code = 500 if what == 'broken' else 200
        response = converted(review['request']) if what == 'convert' else answer(what, review['request'])
        body = json.dumps({'kind': review['kind'], 'apiVersion': review['apiVersion'], 'response': response}).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('0.0.0.0', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
