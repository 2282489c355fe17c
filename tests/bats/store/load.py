"""load.py PKI PORT...: writers and watchers at every server while something else breaks the store, until SIGTERM.

Each writer creates ConfigMaps at one server after the other and now and then deletes one; each watcher follows one server from
the beginning, resuming where its watch ended. In the end: every acknowledged write is there (every acknowledged delete is
not), no revision was given twice, what a watcher saw goes up in revisions, has each change once, and adds up to the list.
Answers other than success are 500s and 503s in etcd's words, or broken connections."""
import http.client
import json
import signal
import ssl
import sys
import threading
import time

pki, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]
ctx = ssl.create_default_context(cafile=pki + '/ca.crt')
ctx.load_cert_chain(pki + '/admin.crt', pki + '/admin.key')
PATH = '/api/v1/namespaces/default/configmaps'
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
created, deleted, unsure, failures, slow = {}, {}, set(), {}, [0]
lock = threading.Lock()


def call(port, method, path, body=None, timeout=40):
    conn = http.client.HTTPSConnection('127.0.0.1', port, context=ctx, timeout=timeout)
    try:
        t = time.time()
        conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
        r = conn.getresponse()
        answer = json.loads(r.read())
        slow[0] = max(slow[0], time.time() - t)
        return r.status, answer
    finally:
        conn.close()


def note_failure(status, message):
    with lock:
        key = '%s %s' % (status, message.split(': dial')[0][:90])
        failures[key] = failures.get(key, 0) + 1
    assert status in (0, 500, 503, 504), (status, message)
    if status == 500:
        assert message.startswith(('etcdserver: ', 'rpc error: ')), message
    time.sleep(0.05)


def attempt(port, method, path, body=None):
    try:
        status, a = call(port, method, path, body)
    except TimeoutError as e:
        raise AssertionError('%s %s hangs' % (method, path)) from e
    except (OSError, http.client.HTTPException) as e:
        note_failure(0, type(e).__name__)
        return 0, None
    if status not in (200, 201, 404, 409):
        note_failure(status, a.get('message', ''))
    return status, a


def write(who):
    n = 0
    while not stop.is_set():
        n += 1
        port, name = ports[n % len(ports)], 'load-%d-%d' % (who, n)
        status, a = attempt(port, 'POST', PATH, {'metadata': {'name': name}})
        if status != 201:
            assert status != 409, a  # nobody else made it
            unsure.add(name)
            continue
        with lock:
            assert a['metadata']['resourceVersion'] not in created.values(), a
            created[name] = a['metadata']['resourceVersion']
        if n % 4 == 0:
            status, a = attempt(ports[(n + 1) % len(ports)], 'DELETE', PATH + '/' + name)
            if status == 200:
                deleted[name] = True
            else:
                unsure.add(name)


class Watcher(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.objects, self.error, self.seen, self.ended = port, {}, None, 0, 0
        _, a = call(port, 'GET', PATH)
        self.rev = int(a['metadata']['resourceVersion'])
        self.objects = {o['metadata']['name']: int(o['metadata']['resourceVersion']) for o in a['items']}

    def run(self):
        try:
            while self.rev < end_rev[0]:
                try:
                    self.follow()
                except (OSError, http.client.HTTPException):
                    pass
                self.ended += 1
                time.sleep(0.05)
        except AssertionError as e:
            self.error = e

    def follow(self):
        conn = http.client.HTTPSConnection('127.0.0.1', self.port, context=ctx, timeout=5)
        conn.request('GET', PATH + '?watch=1&timeoutSeconds=2&resourceVersion=%d' % self.rev)
        r = conn.getresponse()
        if r.status != 200:
            assert r.status in (500, 503, 504), (r.status, r.read())
            return
        for line in r:
            e = json.loads(line)
            meta = e['object'].get('metadata', {})
            assert e['type'] in ('ADDED', 'DELETED', 'MODIFIED'), e
            rev, name = int(meta['resourceVersion']), meta['name']
            assert rev > self.rev, ('back or twice', self.rev, e)
            assert (name in self.objects) == (e['type'] != 'ADDED'), ('missed or repeated', e)
            self.rev, self.seen = rev, self.seen + 1
            if e['type'] == 'DELETED':
                del self.objects[name]
            else:
                self.objects[name] = rev


end_rev = [float('inf')] # until the last write is known
watchers = [Watcher(p) for p in ports]
errors = []


def guarded(who):
    try:
        write(who)
    except BaseException as e:
        errors.append(e)


writers = [threading.Thread(target=guarded, args=(i,)) for i in range(6)]
for t in watchers + writers:
    t.start()
stop.wait(600)
for t in writers:
    t.join()
for tries in range(200):
    try:
        status, a = call(ports[0], 'POST', PATH, {'metadata': {'generateName': 'last-'}})
        if status == 201:
            break
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.1)
assert status == 201, a
end_rev[0] = int(a['metadata']['resourceVersion'])
for w in watchers:
    w.join(60)
assert not errors, errors
for port, w in zip(ports, watchers):
    assert w.error is None, w.error
    assert not w.is_alive(), 'the watcher at %d has not seen revision %d, only %d' % (port, end_rev[0], w.rev)
    _, a = call(port, 'GET', PATH)
    there = {o['metadata']['name']: int(o['metadata']['resourceVersion']) for o in a['items']}
    assert there == w.objects, set(there.items()) ^ set(w.objects.items())
    for name, rev in created.items():
        if name not in unsure and name not in deleted:
            assert there.get(name) == int(rev), ('acknowledged and lost', name, rev, there.get(name))
        if name in deleted:
            assert name not in there, ('deleted and there', name)
print('%d created, %d deleted, %d unsure, slowest answer %.1f s, events seen %s, watches %s' % (
    len(created), len(deleted), len(unsure), slow[0], [w.seen for w in watchers], [w.ended for w in watchers]))
for f in sorted(failures.items()):
    print('%5d x %s' % (f[1], f[0]))
