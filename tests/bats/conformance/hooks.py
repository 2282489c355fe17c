"""A server of admission and conversion webhooks and of an API, behind a Service in a namespace of its own; definitions of custom
resources. HOST is an address of this machine that endpoints may have."""
import base64
import copy
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time

from conformance import Namespace, at, eventually, has_condition, meta, random_name

ADMISSION = '/apis/admissionregistration.k8s.io/v1/'
CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
APISERVICES = '/apis/apiregistration.k8s.io/v1/apiservices'


# --- a server of hooks behind a Service -------------------------------------------------------------------------------


def patched(*ops):
    return {'allowed': True, 'patchType': 'JSONPatch', 'patch': base64.b64encode(json.dumps(ops).encode()).decode()}


def denied(message):
    return {'allowed': False, 'status': {'message': message}}


def pods_hook(r):
    obj = r.get('object') or {}
    if any(c['name'] == 'webhook-to-be-mutated' or c['name'] == 'webhook-disallow' for c in at(obj, 'spec.containers', [])):
        return denied('the pod contains unwanted container name; the pod contains unwanted label')
    return {'allowed': True}


def configmaps_hook(r):
    data = (r.get('object') or {}).get('data') or {}
    if data.get('webhook-e2e-test') == 'webhook-disallow':
        return denied('the configmap contains unwanted key and value')
    return {'allowed': True}


def custom_hook(r):
    obj = r.get('object') or r.get('oldObject')
    if (obj.get('data') or {}).get('webhook-e2e-test') in ('webhook-disallow', 'webhook-nondeletable'):
        if r['operation'] != 'DELETE' or obj['data']['webhook-e2e-test'] == 'webhook-nondeletable':
            return denied('the custom resource contains unwanted data')
    return {'allowed': True}


def mutate_configmap(r):
    data = r['object'].get('data') or {}
    ops = [{'op': 'add', 'path': '/data/mutation-%s' % after, 'value': 'yes'}
           for before, after in (('mutation-start', 'stage-1'), ('mutation-stage-1', 'stage-2')) if data.get(before) == 'yes' and 'mutation-' + after not in data]
    return patched(*ops) if ops else {'allowed': True}


def slow(r):
    time.sleep(2)
    return {'allowed': True}


HOOKS = {
    'pods': pods_hook, 'configmaps': configmaps_hook, 'custom': custom_hook, 'mutate-configmap': mutate_configmap, 'mutate-custom': mutate_configmap, 'slow': slow,
    'deny': lambda r: denied('this webhook denies all requests'),
    'allow': lambda r: {'allowed': True},
    'attach': lambda r: denied('attaching to pod \'to-be-attached-pod\' is not allowed') if r['name'] == 'to-be-attached-pod' else {'allowed': True},
    'crd': lambda r: denied('the crd contains unwanted label') if (r['object']['metadata'].get('labels') or {}).get('webhook-e2e-test') == 'webhook-disallow' else {'allowed': True},
    'mutate-pod': lambda r: patched({'op': 'add', 'path': '/spec/initContainers', 'value': [{'image': 'webhook-added-image', 'name': 'webhook-added-init-container', 'resources': {}}]}),
    'add-label': lambda r: patched({'op': 'add', 'path': '/metadata/labels', 'value': {'added-label': 'yes'}}),
}
FLUNDERS = {}


def convert(obj, version):
    """v1 has hostPort, v2 host and port, as in the conformance suite."""
    obj = copy.deepcopy(obj)
    if version.endswith('/v2') and 'hostPort' in obj:
        obj['host'], obj['port'] = obj.pop('hostPort').split(':')
    elif version.endswith('/v1') and 'host' in obj:
        obj['hostPort'] = '%s:%s' % (obj.pop('host'), obj.pop('port'))
    return dict(obj, apiVersion=version)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, value, code=200):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get('Content-Length') or 0)) or b'{}')

    def do_POST(self):
        path, body = self.path.split('?')[0], self.body()
        if path == '/convert':
            r = body['request']
            self.answer(dict(body, response={'uid': r['uid'], 'result': {'status': 'Success'},
                                             'convertedObjects': [convert(o, r['desiredAPIVersion']) for o in r['objects']]}))
        elif path.startswith('/apis/'):
            body['metadata'].update(uid='u-' + body['metadata']['name'], resourceVersion='1')
            FLUNDERS[body['metadata']['name']] = body
            self.answer(body, 201)
        else:
            r = body['request']
            self.answer({'kind': body['kind'], 'apiVersion': body['apiVersion'], 'response': dict(HOOKS[path[1:]](r), uid=r['uid'])})

    def do_GET(self):
        path = self.path.split('?')[0]
        if path == '/apis/wardle.example.com/v1alpha1':
            self.answer({'kind': 'APIResourceList', 'apiVersion': 'v1', 'groupVersion': 'wardle.example.com/v1alpha1', 'resources': [
                {'name': 'flunders', 'singularName': 'flunder', 'namespaced': True, 'kind': 'Flunder', 'verbs': ['create', 'delete', 'get', 'list']}]})
        elif path.endswith('/flunders'):
            self.answer({'kind': 'FlunderList', 'apiVersion': 'wardle.example.com/v1alpha1', 'metadata': {'resourceVersion': '1'}, 'items': list(FLUNDERS.values())})
        else:
            self.answer({'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Failure', 'reason': 'NotFound', 'code': 404}, 404)

    def do_DELETE(self):
        FLUNDERS.pop(self.path.split('?')[0].split('/')[-1], None)
        self.answer({'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success'})

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that waits no longer


class Hooks:
    """The server, and in its namespace the Service that leads to it."""

    def __init__(self, api, ns):
        self.api, self.ns = api, ns
        self.marker = random_name('w')
        work = tempfile.mkdtemp()
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=hook', '-addext',
                        'subjectAltName=DNS:hook.%s.svc' % ns.name, '-keyout', work + '/key', '-out', work + '/crt'], check=True, capture_output=True)
        self.ca = base64.b64encode(open(work + '/crt', 'rb').read()).decode()
        self.server = Server((os.environ['HOST'], 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(work + '/crt', work + '/key')
        subprocess.run(['rm', '-r', work], check=True)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        port = self.server.server_address[1]
        api.post(ns.core('services'), {'metadata': meta('hook'), 'spec': {'ports': [{'port': 8443, 'targetPort': port}]}})
        api.post(ns.group('discovery.k8s.io/v1', 'endpointslices'), {
            'metadata': meta('hook', {'kubernetes.io/service-name': 'hook'}), 'addressType': 'IPv4', 'ports': [{'name': '', 'port': port, 'protocol': 'TCP'}],
            'endpoints': [{'addresses': [os.environ['HOST']], 'conditions': {'ready': True}}]})
        api.patch('/api/v1/namespaces/' + ns.name, {'metadata': {'labels': {self.marker: 'true'}}})

    def client(self, path, ca=None):
        return {'service': {'namespace': self.ns.name, 'name': 'hook', 'path': path, 'port': 8443}, 'caBundle': ca or self.ca}

    def webhook(self, path, rules, name='e2e', **more):
        return dict({'name': name + '.k8s.io', 'sideEffects': 'None', 'admissionReviewVersions': ['v1', 'v1beta1'], 'clientConfig': self.client('/' + path),
                     'rules': [dict({'apiVersions': ['v1']}, **r) for r in rules], 'namespaceSelector': {'matchLabels': {self.marker: 'true'}}}, **more)

    def register(self, kind, *webhooks, labels=None, name=None):
        obj = {'metadata': meta(name or random_name('e2e'), labels), 'webhooks': list(webhooks)}
        return ADMISSION + kind + '/' + self.api.post(ADMISSION + kind, obj)['metadata']['name']


class World(Namespace):
    def __enter__(self):
        super().__enter__()
        self.hooks = Hooks(self.api, self)
        return self


VALIDATING, MUTATING = 'validatingwebhookconfigurations', 'mutatingwebhookconfigurations'
EVERY = ['CREATE', 'UPDATE', 'DELETE']


def on(resource, operations=('CREATE', 'UPDATE'), group='', **more):
    return dict({'apiGroups': [group], 'resources': [resource], 'operations': list(operations)}, **more)


# --- definitions -------------------------------------------------------------------------------------------------

OPEN = {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}


def definition(schema=None, versions=('v1',), scope='Namespaced', labels=None, group=None, plural=None, **more):
    kind = random_name('foo').replace('-', '')
    group = group or random_name('group') + '.example.com'
    plural = plural or kind + 's'
    return {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': meta(plural + '.' + group, labels), 'spec': dict({
        'group': group, 'scope': scope, 'names': {'plural': plural, 'singular': kind, 'kind': 'E2e' + kind, 'listKind': 'E2e' + kind + 'List'},
        'versions': [{'name': v, 'served': True, 'storage': i == 0, 'schema': {'openAPIV3Schema': schema or OPEN}} for i, v in enumerate(versions)]}, **more)}


class Definition:
    """with Definition(api, definition(...)) as d: d.path('v1', ns)"""

    def __init__(self, api, obj):
        self.api, self.obj = api, obj

    def __enter__(self):
        self.obj = self.api.post(CRDS, self.obj)
        self.one = CRDS + '/' + self.obj['metadata']['name']
        self.group, self.names = self.obj['spec']['group'], self.obj['spec']['names']
        eventually(lambda: has_condition(self.api.get(self.one), 'Established', 'True'))
        return self

    def path(self, version='v1', ns=None, name=None):
        where = '/apis/%s/%s/%s%s' % (self.group, version, 'namespaces/%s/' % ns.name if ns else '', self.names['plural'])
        return where + '/' + name if name else where

    def new(self, name, version='v1', **more):
        return dict({'apiVersion': '%s/%s' % (self.group, version), 'kind': self.names['kind'], 'metadata': meta(name)}, **more)

    def __exit__(self, *args):
        self.api.delete(self.one)
        eventually(lambda: self.api.gone(self.one))
