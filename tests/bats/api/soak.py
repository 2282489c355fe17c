"""soak.py PKI PORT SECONDS PID: everything that clients do to a server at once, politely and not, for a while.

Objects are made, changed, applied, patched, listed and deleted (always the same few hundred names), with mistakes; definitions and
their objects come and go; watches are followed, given up or read slowly; connections break in every phase, stay half open or talk
nonsense. Every answer is a proper one. Of the process' memory it says how much it is after each tenth of the time; where the
time is long enough for the history of events (300 s) to be full, the last third must not need more than the one before."""
import http.client
import json
import random
import socket
import ssl
import struct
import sys
import threading
import time

pki, port, seconds, pid = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=pki + '/ca.crt')
context.load_cert_chain(pki + '/admin.crt', pki + '/admin.key')
until = time.monotonic() + seconds
counts, errors, lock = {}, [], threading.Lock()
CORE = '/api/v1/namespaces/soak/'
GROUP = 'soak.example.com'


def ask(conn, method, path, body=None, kind='application/json', accept='application/json'):
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    conn.request(method, path, text, {'Content-Type': kind, 'Accept': accept})
    r = conn.getresponse()
    answer = r.read()
    with lock:
        key = '%s %d' % (method, r.status)
        counts[key] = counts.get(key, 0) + 1
    if r.status >= 500: # of a node that is nowhere, and of a revision that will not come
        assert b'Status' in answer and ('/log' in path or '=99999999999' in path), (method, path, r.status, answer[:300])
    return r.status, answer


def connect(timeout=30):
    return http.client.HTTPSConnection('127.0.0.1', port, context=context, timeout=timeout)


def pod(name, chance):
    return {'metadata': {'name': name, 'labels': {'app': chance.choice('abc')}}, 'spec': {
        'nodeName': chance.choice(['', 'nowhere']), 'terminationGracePeriodSeconds': 0,
        'containers': [{'name': 'c', 'image': 'i', 'env': [{'name': 'A', 'value': 'x' * chance.randrange(400)}]}]}}


def writer(chance):
    conn = connect()
    while time.monotonic() < until:
        kind = chance.choice(['configmaps', 'secrets', 'pods', 'services'])
        name = '%s-%d' % (kind[0], chance.randrange(60))
        path, body = CORE + kind, {'metadata': {'name': name, 'labels': {'app': chance.choice('abc')}}}
        if kind == 'configmaps':
            body['data'] = {'k': 'x' * chance.randrange(2000), 'n': str(chance.random())}
        elif kind == 'secrets':
            body['stringData'] = {'k': 'v' * chance.randrange(300)}
        elif kind == 'services':
            body['spec'] = {'selector': {'app': 'a'}, 'ports': [{'port': chance.choice([80, 443, 0])}]}
        else:
            body = pod(name, chance)
        what = chance.randrange(6)
        if what < 2:
            ask(conn, 'POST', path, body)
        elif what == 2:
            ask(conn, 'PUT', path + '/' + name, body)
        elif what == 3:
            ask(conn, 'DELETE', path + '/' + name)
        elif what == 4:
            ask(conn, 'GET', path + '/' + name + chance.choice(['', '', '/log' if kind == 'pods' else '/status']))
        else:
            ask(conn, 'POST', path, chance.choice(['{', '[]', '{"metadata":{"name":"No!"}}', '{"metadata":{}}', 'null', '\xff']))


def patcher(chance):
    conn = connect()
    while time.monotonic() < until:
        name = 'c-%d' % chance.randrange(60)
        kind, body = chance.choice([
            ('application/merge-patch+json', {'data': {'p': str(chance.random()), 'q': None}}),
            ('application/strategic-merge-patch+json', {'metadata': {'labels': {'z': 'y'}, 'finalizers': None}}),
            ('application/json-patch+json', [{'op': 'add', 'path': '/metadata/annotations', 'value': {'a': 'b'}}]),
            ('application/json-patch+json', [{'op': 'remove', 'path': '/data/none'}]),
            ('application/json-patch+json', {'not': 'a list'})])
        if chance.random() < 0.5:
            ask(conn, 'PATCH', CORE + 'configmaps/' + name, body, kind)
        else:
            apply = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': {chance.choice('abcdef'): str(chance.randrange(3))}}
            ask(conn, 'PATCH', CORE + 'configmaps/%s?fieldManager=m%d%s' % (name, chance.randrange(3), chance.choice(['', '&force=true'])), apply,
                'application/apply-patch+yaml')


def lister(chance):
    conn = connect()
    while time.monotonic() < until:
        path = chance.choice(['configmaps', 'pods', 'secrets', 'services'])
        query = chance.choice(['', '?limit=7', '?labelSelector=app%3Da', '?fieldSelector=metadata.name%3Dc-1', '?labelSelector=((', '?resourceVersion=0',
                               '?continue=nonsense', '?resourceVersion=99999999999&resourceVersionMatch=Exact'])
        accept = chance.choice(['application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/yaml', 'application/nothing'])
        status, answer = ask(conn, 'GET', CORE + path + query, accept=accept)
        if status == 200 and query == '?limit=7' and accept == 'application/json':
            token = json.loads(answer)['metadata'].get('continue')
            if token:
                ask(conn, 'GET', CORE + path + '?limit=7&continue=' + token)
        ask(conn, 'GET', chance.choice(['/apis', '/api', '/openapi/v2', '/metrics', '/readyz?verbose', '/apis/apps/v1', '/nowhere']))


def workloads(chance):
    conn = connect()
    labels = {'app': 'd'}
    while time.monotonic() < until:
        name = 'd%d' % chance.randrange(3)
        path = '/apis/apps/v1/namespaces/soak/deployments'
        ask(conn, 'POST', path, {'metadata': {'name': name}, 'spec': {'replicas': chance.randrange(4), 'selector': {'matchLabels': labels}, 'template': {
            'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}}})
        ask(conn, 'PATCH', path + '/%s/scale' % name, {'spec': {'replicas': chance.randrange(5)}}, 'application/merge-patch+json')
        time.sleep(0.1)
        ask(conn, 'DELETE', path + '/' + name + chance.choice(['', '?propagationPolicy=Foreground']))


def definitions(chance):
    conn = connect()
    names = {'plural': 'things', 'kind': 'Thing', 'singular': 'thing', 'listKind': 'ThingList'}
    schema = {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {'n': {'type': 'integer', 'maximum': 5}}}}}
    crds, things = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', '/apis/%s/v1/namespaces/soak/things' % GROUP
    while time.monotonic() < until:
        ask(conn, 'POST', crds, {'metadata': {'name': 'things.' + GROUP}, 'spec': {'group': GROUP, 'scope': 'Namespaced', 'names': names, 'versions': [
            {'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': schema}}]}})
        for i in range(20):
            ask(conn, 'POST', things, {'apiVersion': GROUP + '/v1', 'kind': 'Thing', 'metadata': {'name': 't%d' % i}, 'spec': {'n': chance.randrange(9)}})
        ask(conn, 'GET', things)
        ask(conn, 'DELETE', crds + '/things.' + GROUP)
        time.sleep(0.2)


def raw():
    return context.wrap_socket(socket.create_connection(('127.0.0.1', port), 30), server_hostname='127.0.0.1')


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def watcher(chance):
    while time.monotonic() < until:
        s = raw()
        query = chance.choice(['watch=1', 'watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan', 'watch=1&resourceVersion=1',
                               'watch=1&labelSelector=app%3Da', 'watch=1&timeoutSeconds=1'])
        s.sendall(('GET %s%s?%s HTTP/1.1\r\nHost: h\r\n\r\n' % (CORE, chance.choice(['configmaps', 'pods']), query)).encode())
        end = time.monotonic() + chance.random() * 2
        s.settimeout(0.5)
        try:
            while time.monotonic() < end and s.recv(65536):
                pass
        except TimeoutError:
            pass
        (reset if chance.random() < 0.5 else socket.socket.close)(s)


def slow(chance):
    """Reads next to nothing of what it asked for: the server cuts it off or waits, and grows no memory."""
    while time.monotonic() < until:
        s = socket.create_connection(('127.0.0.1', port), 30)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s = context.wrap_socket(s, server_hostname='127.0.0.1')
        for _ in range(chance.randrange(1, 30)):
            s.sendall(('GET %sconfigmaps%s HTTP/1.1\r\nHost: h\r\n\r\n' % (CORE, chance.choice(['', '?watch=1']))).encode())
        end = min(until, time.monotonic() + chance.random() * 10)
        s.settimeout(5)
        try:
            while time.monotonic() < end and s.recv(10):
                time.sleep(0.2)
        except OSError:
            pass
        reset(s)


def rude(chance):
    """Connections that end in the middle of anything, or never begin."""
    half = []
    body = json.dumps(pod('rude', chance))
    post = 'POST %spods HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (CORE, len(body), body)
    h2 = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    while time.monotonic() < until:
        what = chance.randrange(6)
        try:
            if what == 0: # a part of the handshake
                s = socket.create_connection(('127.0.0.1', port), 5)
                s.sendall(chance.choice([b'\x16\x03\x01\x02\x00\x01', b'GET / HTTP/1.1\r\n\r\n', b'']))
            elif what == 1: # silence
                s = raw() if chance.random() < 0.5 else socket.create_connection(('127.0.0.1', port), 5)
            elif what == 2: # a part of a request
                s = raw()
                s.sendall(post[:chance.randrange(len(post))].encode())
            elif what == 3: # a whole one whose answer nobody reads
                s = raw()
                s.sendall(post.encode() * chance.randrange(1, 4))
            elif what == 4: # nonsense
                s = raw()
                s.sendall(bytes(chance.randrange(256) for _ in range(200)))
            else: # an upgrade to another protocol, and its nonsense
                s = raw()
                s.sendall(h2 + bytes(chance.randrange(256) for _ in range(100)) if chance.random() < 0.5 else (
                    'GET %spods/p-1/exec?command=x&stdout=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n\x82\x80' % CORE).encode('latin1'))
        except OSError:
            continue
        half.append(s)
        if len(half) > 60:
            for s in half[:50]:
                reset(s)
            half = half[50:]
        time.sleep(0.01)
    for s in half:
        reset(s)


def guarded(job, seed):
    try:
        job(random.Random(seed))
    except Exception as e: # pylint: disable=broad-except
        errors.append((job.__name__, repr(e)))


def resident():
    with open('/proc/%s/status' % pid, encoding='ascii') as f:
        return next(int(l.split()[1]) for l in f if l.startswith('VmRSS')) // 1024


ask(connect(), 'POST', '/api/v1/namespaces', {'metadata': {'name': 'soak'}})
jobs = [writer] * 3 + [patcher, lister, workloads, definitions, watcher, watcher, slow, slow, rude]
threads = [threading.Thread(target=guarded, args=(job, i)) for i, job in enumerate(jobs)]
memory = []
for t in threads:
    t.start()
while time.monotonic() < until and not errors:
    time.sleep(seconds / 10)
    memory.append(resident())
for t in threads:
    t.join(60)
    assert not t.is_alive(), 'a request hangs'
print('%d answers: %s' % (sum(counts.values()), ', '.join('%s: %d' % c for c in sorted(counts.items()))))
print('resident MiB:', memory)
assert not errors, errors
assert counts.get('POST 201') and counts.get('PATCH 200') and counts.get('DELETE 200') and counts.get('GET 200'), counts
if seconds >= 600:
    assert max(memory[7:]) <= max(memory[4:7]) * 1.1 + 8, memory
