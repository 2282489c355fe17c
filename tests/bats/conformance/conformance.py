"""What the cases of this directory share: a small client of the API over HTTPS, watches, waiting, and a node of paper that
says of its pods that they run. A case is a function with @case; run() runs those that are named, or all, and tells each."""
import http.client
import json
import os
import queue
import random
import socket
import ssl
import string
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

import wire

MERGE = 'application/merge-patch+json'
STRATEGIC = 'application/strategic-merge-patch+json'
JSON_PATCH = 'application/json-patch+json'
APPLY = 'application/apply-patch+yaml'
WIRE = os.environ.get('WIRE', 'json')
CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def random_name(prefix):
    return prefix + '-' + ''.join(random.choice(string.ascii_lowercase) for _ in range(6))


class Refused(Exception):
    def __init__(self, code, body):
        super().__init__('%d %s' % (code, json.dumps(body)[:2000]))
        self.code, self.body = code, body
        self.message = body.get('message', '') if isinstance(body, dict) else str(body)


class Api:
    """Calls of one server; each thread has a connection of its own."""

    def __init__(self, address, pki, token=None):
        self.address, self.token, self.local = address, token, threading.local()
        self.kinds = {}
        self.tls = ssl.create_default_context(cafile=pki + '/ca.crt')
        self.tls.check_hostname = False
        if not token:
            self.tls.load_cert_chain(pki + '/admin.crt', pki + '/admin.key')

    def connect(self):
        return http.client.HTTPSConnection(self.address, context=self.tls, timeout=60)

    def typed(self, method, path, body):
        """With WIRE=protobuf, a body of a built-in kind as Go's typed clients send it; None for all others."""
        if WIRE != 'protobuf' or not isinstance(body, dict) or method not in ('POST', 'PUT', 'DELETE'):
            return None
        parts = path.split('?')[0].strip('/').split('/')
        group, parts = ('/'.join(parts[1:3]), parts[3:]) if parts[0] == 'apis' else (parts[1], parts[2:])
        if parts[0] == 'namespaces' and len(parts) > 2 and parts[2] not in ('status', 'finalize'):
            parts = parts[2:]
        if group not in self.kinds:
            self.kinds[group] = {r['name']: r for r in json.loads(self.raw('GET', '/apis/' + group if '/' in group else '/api/' + group)[2])['resources']}
        resource = self.kinds[group].get(parts[0] if len(parts) < 3 else '%s/%s' % (parts[0], parts[2]))
        if not resource:
            return None
        own = {'apiVersion': ('%s/%s' % (resource['group'], resource['version']) if resource.get('group') else resource.get('version')) or group, 'kind': resource['kind']}
        if method == 'DELETE':
            own = {'apiVersion': group, 'kind': 'DeleteOptions'}
        return wire.encode(dict(own, **body))

    def headers(self, more):
        return dict({'Authorization': 'Bearer ' + self.token} if self.token else {}, **more)

    def raw(self, method, path, body=None, headers=None):
        """The code, the headers and the bytes of an answer."""
        data = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        form = 'application/json'
        if self.typed(method, path, body):
            data, form = self.typed(method, path, body), 'application/vnd.kubernetes.protobuf'
        headers = self.headers(dict({'Content-Type': form, 'Accept': form + ', */*'}, **(headers or {})))
        for attempt in 0, 1:
            connection = getattr(self.local, 'connection', None) or self.connect()
            self.local.connection = None
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (http.client.BadStatusLine, ConnectionError):
                connection.close()
                if attempt:
                    raise
                continue
            if not answer.will_close:
                self.local.connection = connection
            return answer.status, answer.headers, content

    def call(self, method, path, body=None, headers=None):
        code, got, content = self.raw(method, path, body, headers)
        value = json.loads(content) if 'json' in got.get('Content-Type', '') and content else content.decode()
        if code >= 300:
            raise Refused(code, value)
        return value

    def get(self, path, **query):
        return self.call('GET', with_query(path, query))

    def post(self, path, body, **query):
        return self.call('POST', with_query(path, query), body)

    def put(self, path, body, **query):
        return self.call('PUT', with_query(path, query), body)

    def delete(self, path, body=None, **query):
        return self.call('DELETE', with_query(path, query), body)

    def patch(self, path, body, kind=MERGE, **query):
        return self.call('PATCH', with_query(path, query), body, {'Content-Type': kind})

    def change(self, path, fn):
        """get, fn(object), put, again after a conflict"""
        for _ in range(20):
            obj = self.get(path)
            fn(obj)
            try:
                return self.put(path, obj)
            except Refused as e:
                if e.code != 409:
                    raise
        raise AssertionError('conflicts without end at ' + path)

    def gone(self, path):
        return self.code(path) == 404

    def code(self, path):
        return self.raw('GET', path)[0]

    def watch(self, path, **query):
        return Watch(self, path, query)


class Watch:
    """Events of a watch, read by a thread of its own."""

    def __init__(self, api, path, query):
        self.queue, self.seen = queue.Queue(), []
        self.connection = api.connect()
        self.connection.request('GET', with_query(path, dict(query, watch='true')), headers=api.headers({}))
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise Refused(self.answer.status, json.loads(self.answer.read()))
        self.socket.settimeout(None)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                self.queue.put(json.loads(line))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.queue.put(None)

    def next(self, seconds=90):
        event = self.queue.get(timeout=seconds)
        assert event is not None, 'the watch ended'
        self.seen.append(event)
        return event

    def until(self, kind, seconds=90, fits=lambda o: True):
        """The object of the next event of this kind that fits."""
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.next(max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError('no %s; seen: %s' % (kind, [(e['type'], e['object'].get('status')) for e in self.seen[-5:]]))
            if event['type'] == kind and fits(event['object']):
                return event['object']

    def quiet(self, seconds):
        try:
            event = self.queue.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError('an event that nobody waits for: %s' % event)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # the thread, which reads, closes nothing


def with_query(path, query):
    return path + ('&' if '?' in path else '?') + urllib.parse.urlencode(query) if query else path


def eventually(condition, seconds=90, said=''):
    """What the condition returns once it is true; it may refuse meanwhile."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            value = condition()
            if value:
                return value
        except Refused as e:
            last = e
        assert time.monotonic() < end, 'did not come true: %s %s' % (said or condition, last or '')
        time.sleep(0.05)


def refused(code, fn, *args, **kwargs):
    """What a call is refused with; its code has to be this one (or one of these)."""
    try:
        value = fn(*args, **kwargs)
    except Refused as e:
        assert e.code in (code if isinstance(code, tuple) else (code,)), e
        return e
    raise AssertionError('not refused with %s: %s' % (code, json.dumps(value)[:500]))


def equal(got, want, said=''):
    assert got == want, '%s: %s is not %s' % (said, json.dumps(got)[:1500], json.dumps(want)[:1500])


def has(text, part):
    assert part in text, '%r is not in %r' % (part, text)


def at(obj, path, otherwise=None):
    for part in path.split('.'):
        if not isinstance(obj, dict) or part not in obj:
            return otherwise
        obj = obj[part]
    return obj


def names(items):
    return sorted(o['metadata']['name'] for o in items)


def condition(obj, kind):
    return next((c for c in at(obj, 'status.conditions', []) or [] if c['type'] == kind), None)


def has_condition(obj, kind, status=None, **more):
    c = condition(obj, kind)
    return bool(c) and status in (None, c['status']) and all(c.get(k) == v for k, v in more.items())


def meta(name, labels=None, **more):
    m = dict({'name': name}, **more)
    if labels:
        m['labels'] = labels
    return m


IMAGE = os.environ.get('IMAGE', 'knarr-demo:1')


def pod_spec(**more):
    return dict({'terminationGracePeriodSeconds': 1, 'containers': [{'name': 'c', 'image': IMAGE, 'command': ['sleep', '10000']}]}, **more)


def pod(name, labels=None, **more):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': meta(name, labels), 'spec': pod_spec(**more)}


def template(labels, **more):
    return {'metadata': {'labels': labels}, 'spec': pod_spec(**more)}


def controller(name, labels, n, **more):
    return {'apiVersion': 'v1', 'kind': 'ReplicationController', 'metadata': meta(name, labels),
            'spec': {'replicas': n, 'selector': labels, 'template': template(labels, **more)}}


def workload(kind, name, labels, n=None, **more):
    spec = dict({'selector': {'matchLabels': labels}, 'template': template(labels)}, **more)
    if n is not None:
        spec['replicas'] = n
    return {'apiVersion': 'apps/v1', 'kind': kind, 'metadata': meta(name, labels), 'spec': spec}


def configmap(name, data=None, labels=None, **more):
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': meta(name, labels, **more), 'data': data or {}}


class Namespace:
    """with Namespace(api) as ns: ns.core('pods') is its path"""

    def __init__(self, api, labels=None):
        self.api, self.labels = api, labels

    def __enter__(self):
        self.name = self.api.post('/api/v1/namespaces', {'metadata': {'generateName': 'conf-', 'labels': self.labels or {}}})['metadata']['name']
        eventually(lambda: self.api.code(self.core('serviceaccounts/default')) == 200 and
                   self.api.code(self.core('configmaps/kube-root-ca.crt')) == 200, said='the namespace is furnished')
        return self

    def __exit__(self, *args):
        if self.api.raw('DELETE', '/api/v1/namespaces/' + self.name)[0] not in (200, 404):
            raise AssertionError('the namespace is not deleted')

    def core(self, what):
        return '/api/v1/namespaces/%s/%s' % (self.name, what)

    def group(self, group, what):
        return '/apis/%s/namespaces/%s/%s' % (group, self.name, what)

    def apps(self, what):
        return self.group('apps/v1', what)


class PaperNode:
    """A Node whose pods run as soon as they are bound, without a process."""

    def __init__(self, api, name='paper'):
        self.api, self.name = api, name
        room = {'cpu': '64', 'memory': '64Gi', 'pods': '500', 'ephemeral-storage': '100Gi'}
        node = {'metadata': {'name': name, 'labels': {'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux'}}}
        api.post('/api/v1/nodes', node)
        now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        ready = {'type': 'Ready', 'status': 'True', 'reason': 'KubeletReady', 'lastHeartbeatTime': now, 'lastTransitionTime': now}
        api.patch('/api/v1/nodes/%s/status' % name, {'status': {
            'capacity': room, 'allocatable': room, 'conditions': [ready],
            'addresses': [{'type': 'InternalIP', 'address': '192.0.2.1'}]}})
        self.next = 1
        threading.Thread(target=self.beat, daemon=True).start()
        threading.Thread(target=self.serve, daemon=True).start()
        eventually(lambda: not at(api.get('/api/v1/nodes/' + name), 'spec.taints'), said='the node takes pods')

    def beat(self):
        path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
        while True:
            now = time.strftime('%Y-%m-%dT%H:%M:%S.000000Z', time.gmtime())
            lease = {'apiVersion': 'coordination.k8s.io/v1', 'kind': 'Lease', 'metadata': meta(self.name),
                     'spec': {'holderIdentity': self.name, 'leaseDurationSeconds': 40, 'renewTime': now}}
            try:
                self.api.patch(path + '/' + self.name, json.dumps(lease), APPLY, fieldManager='paper', force='true')
            except (Refused, OSError):
                pass
            time.sleep(5)

    def serve(self):
        watch = self.api.watch('/api/v1/pods', fieldSelector='spec.nodeName=' + self.name)
        while True:
            event = watch.queue.get()
            if event is None:
                return
            try:
                if event['type'] in ('ADDED', 'MODIFIED'):
                    self.care(event['object'])
            except Refused:
                pass  # it changed meanwhile and comes again, or is gone

    def care(self, p):
        path = '/api/v1/namespaces/%s/pods/%s' % (p['metadata']['namespace'], p['metadata']['name'])
        if p['metadata'].get('deletionTimestamp'):
            self.api.delete(path, {'gracePeriodSeconds': 0, 'preconditions': {'uid': p['metadata']['uid']}})
        elif at(p, 'status.phase') == 'Pending' and not p['metadata'].get('labels', {}).get('paper') == 'pending':
            now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
            self.next += 1
            images = p['spec']['containers']
            self.api.patch(path + '/status', {'metadata': {'uid': p['metadata']['uid']}, 'status': {
                'phase': 'Running', 'podIP': '198.51.%d.%d' % (self.next // 250 % 250, self.next % 250 + 1), 'hostIP': '192.0.2.1', 'startTime': now,
                'conditions': [{'type': t, 'status': 'True', 'lastTransitionTime': now} for t in ('Ready', 'ContainersReady', 'Initialized', 'PodScheduled')],
                'containerStatuses': [{'name': c['name'], 'image': c['image'], 'imageID': '', 'ready': True, 'started': True, 'restartCount': 0,
                                       'state': {'running': {'startedAt': now}}} for c in images]}}, MERGE)


def kubectl(*args, stdin=None, fails=None):
    """What kubectl prints; with fails, what it says when it fails, which it has to, with these words."""
    done = subprocess.run(['kubectl', *args], input=stdin, capture_output=True, text=True, timeout=120)
    if fails is None:
        assert done.returncode == 0, 'kubectl %s: %s%s' % (' '.join(args), done.stdout, done.stderr)
        return done.stdout
    assert done.returncode != 0, 'kubectl %s: %s' % (' '.join(args), done.stdout)
    has(done.stderr, fails)
    return done.stderr


def run(api):
    """Runs the cases that the arguments name (all when there are none); fails when one did."""
    failed = []
    for name in sys.argv[1:] or list(CASES):
        began = time.monotonic()
        try:
            CASES[name](api)
            print('ok %s (%.1f s)' % (name, time.monotonic() - began), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed.append(name)
            print('FAILED %s\n%s' % (name, traceback.format_exc()), flush=True)
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # threads of watches are not waited for
