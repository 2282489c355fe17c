#!/usr/bin/env python3
"""Custom resources and extension servers. usage: custom.py [CASE...] with SERVER=HOST:PORT, PKI=directory
and HOST=an address of this machine that endpoints may have"""
import copy
import json
import os
import re

from conformance import (APPLY, JSON_PATCH, Api, Namespace, case, equal, eventually, has, has_condition, kubectl, meta, names, random_name, refused, run)
from hooks import APISERVICES, CRDS, OPEN, Definition, World, definition

QUIET = 0.3


@case
def conversion_by_webhook(api):
    v1 = {'type': 'object', 'properties': {'hostPort': {'type': 'string'}}}
    v2 = {'type': 'object', 'properties': {'host': {'type': 'string'}, 'port': {'type': 'string'}}}
    with World(api) as w:
        obj = definition(v1, ('v1', 'v2'))
        obj['spec']['versions'][1]['schema']['openAPIV3Schema'] = v2
        obj['spec']['conversion'] = {'strategy': 'Webhook', 'webhook': {'clientConfig': w.hooks.client('/convert'), 'conversionReviewVersions': ['v1', 'v1beta1']}}
        with Definition(api, obj) as d:
            api.post(d.path('v1', w), d.new('cr-instance-1', hostPort='localhost:8080'))
            got = api.get(d.path('v2', w, 'cr-instance-1'))
            equal((got['host'], got['port'], got.get('hostPort')), ('localhost', '8080', None))
            api.patch(d.one, [{'op': 'replace', 'path': '/spec/versions/%d/storage' % i, 'value': i == 1} for i in (0, 1)], JSON_PATCH)
            api.post(d.path('v1', w), d.new('cr-instance-2', hostPort='localhost:8080'))
            equal([o['hostPort'] for o in api.get(d.path('v1', w))['items']], ['localhost:8080'] * 2)
            equal([(o['host'], o['port']) for o in api.get(d.path('v2', w))['items']], [('localhost', '8080')] * 2)


@case
def definitions_are_watched_by_their_objects(api):
    with Definition(api, definition(scope='Cluster')) as d:
        watches = [api.watch(d.path(), fieldSelector='metadata.name=' + n) for n in ('name1', 'name2')]
        for w, n in zip(watches, ('name1', 'name2')):
            api.post(d.path(), d.new(n, content={'key': 'value'}, num={'num1': 1}))
            w.until('ADDED')
        for w, n in zip(watches, ('name1', 'name2')):
            api.patch(d.path(name=n), {'dummy': 'test'})
            equal(w.until('MODIFIED')['dummy'], 'test')
        for w, n in zip(watches, ('name1', 'name2')):
            api.delete(d.path(name=n))
            w.until('DELETED')
            w.quiet(QUIET)
            w.close()


@case
def definitions_are_listed_and_have_a_status(api):
    label = random_name('uuid')
    for _ in range(4):
        api.post(CRDS, definition(labels={'e2e-list-test-uuid': label}))
    with Definition(api, definition()) as d:
        equal(len(api.get(CRDS, labelSelector='e2e-list-test-uuid=' + label)['items']), 4)
        api.delete(CRDS, labelSelector='e2e-list-test-uuid=' + label)
        eventually(lambda: api.get(CRDS, labelSelector='e2e-list-test-uuid=' + label)['items'] == [])
        obj = api.get(d.one + '/status')
        equal(obj['spec'], d.obj['spec'])
        obj['status']['conditions'].append({'type': '', 'status': '', 'message': 'updated'})
        got = api.put(d.one + '/status', obj)
        assert 'updated' in [c.get('message') for c in got['status']['conditions']], got['status']
        got = api.patch(d.one + '/status', [{'op': 'add', 'path': '/status/conditions', 'value': [{'message': 'patched'}]}], JSON_PATCH)
        assert 'patched' in [c.get('message') for c in got['status']['conditions']], got['status']


@case
def defaults_for_requests_and_from_storage(api):
    schema = dict(OPEN, properties={'a': {'type': 'string'}, 'b': {'type': 'string'}})
    with Definition(api, definition(schema, scope='Cluster')) as d:
        where = '/spec/versions/0/schema/openAPIV3Schema/properties/'
        api.post(d.path(), d.new('cr-1'))
        api.patch(d.one, [{'op': 'add', 'path': where + 'a/default', 'value': 'A'}], JSON_PATCH)
        eventually(lambda: api.get(d.path(name='cr-1')).get('a') == 'A')
        equal(api.post(d.path(), d.new('cr-2'))['a'], 'A')
        api.patch(d.one, [{'op': 'remove', 'path': where + 'a/default'}, {'op': 'add', 'path': where + 'b/default', 'value': 'B'}], JSON_PATCH)
        eventually(lambda: api.get(d.path(name='cr-2')).get('b') == 'B')
        equal(api.get(d.path(name='cr-2')).get('a'), 'A')
        equal(api.get(d.path(name='cr-1')).get('a'), None)


@case
def selectable_fields(api):
    schema = {'type': 'object', 'properties': {n: {'type': 'string'} for n in ('host', 'port', 'hostPort')}}
    obj = definition(schema, ('v1', 'v2'))
    obj['spec']['versions'][0]['selectableFields'] = [{'jsonPath': '.hostPort'}]
    obj['spec']['versions'][1]['selectableFields'] = [{'jsonPath': '.host'}, {'jsonPath': '.port'}]
    with World(api) as w:
        obj['spec']['conversion'] = {'strategy': 'Webhook', 'webhook': {'clientConfig': w.hooks.client('/convert'), 'conversionReviewVersions': ['v1']}}
        with Definition(api, obj) as d:
            first = api.watch(d.path('v1', w), fieldSelector='hostPort=host1:80')
            second = api.watch(d.path('v2', w), fieldSelector='host=host1')
            for i, (host, port) in enumerate((('host1', '80'), ('host1', '8080'), ('host2', '8080'))):
                api.post(d.path('v2', w), d.new('cr%d' % i, 'v2', host=host, port=port))
            equal(names(api.get(d.path('v1', w), fieldSelector='hostPort=host1:80')['items']), ['cr0'])
            equal(names(api.get(d.path('v2', w), fieldSelector='host=host1')['items']), ['cr0', 'cr1'])
            equal(names(api.get(d.path('v2', w), fieldSelector='host=host1,port=80')['items']), ['cr0'])
            refused(400, api.get, d.path('v1', w), fieldSelector='host=host1')
            equal(first.until('ADDED')['metadata']['name'], 'cr0')
            equal([second.until('ADDED')['metadata']['name'] for _ in (0, 1)], ['cr0', 'cr1'])
            api.patch(d.path('v2', w, 'cr0'), {'host': 'host3'})
            equal(first.until('DELETED')['metadata']['name'], 'cr0')
            equal(second.until('DELETED')['metadata']['name'], 'cr0')
            api.delete(d.path('v2', w), fieldSelector='host=host1')
            equal(names(api.get(d.path('v2', w))['items']), ['cr0', 'cr2'])
            first.close()
            second.close()


@case
def custom_discovery(api):
    equal([v['version'] for v in api.get('/apis/apiextensions.k8s.io')['versions']], ['v1'])
    with Definition(api, definition()) as d:
        accept = {'Accept': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'}
        groups = [g for g in api.call('GET', '/apis', None, accept)['items'] if g['metadata']['name'] == d.group]
        equal([r['resource'] for r in groups[0]['versions'][0]['resources']], [d.names['plural']])
        got = [r for r in api.get('/apis/%s/v1' % d.group)['resources']][0]
        equal((got['name'], got['kind']), (d.names['plural'], d.names['kind']))
        assert got['storageVersionHash']


# --- validation of fields ---------------------------------------------------------------------------------------------

PORTS = {'type': 'array', 'x-kubernetes-list-map-keys': ['containerPort', 'protocol'], 'x-kubernetes-list-type': 'map', 'items': {
    'type': 'object', 'required': ['containerPort', 'protocol'], 'properties': {'containerPort': {'format': 'int32', 'type': 'integer'}, 'protocol': {'type': 'string'}, 'name': {'type': 'string'}}}}
STRICT = {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {
    'foo': {'type': 'string'}, 'cronSpec': {'type': 'string', 'pattern': r'^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$'}, 'ports': PORTS}}}}
EMBEDDED = copy.deepcopy(STRICT)
EMBEDDED['properties']['spec'].update({'x-kubernetes-preserve-unknown-fields': True})
EMBEDDED['properties']['spec']['properties']['template'] = {'type': 'object', 'x-kubernetes-embedded-resource': True, 'properties': {
    'metadata': {'type': 'object', 'properties': {'name': {'type': 'string'}}}, 'spec': {'type': 'object'}}}


def applied(api, d, text, name='mytest'):
    head = 'apiVersion: %s/v1\nkind: %s\nmetadata:\n  name: %s\n' % (d.group, d.names['kind'], name)
    return api.patch(d.path(name=name), head + text, APPLY, fieldManager='field_validation_mgr', fieldValidation='Strict')


SPEC = 'spec:\n  foo: foo1\n  cronSpec: "* * * * */5"\n  ports:\n  - name: x\n    containerPort: 80\n    protocol: TCP\n'


@case
def fields_of_typed_objects(api):
    with Namespace(api) as ns:
        text = json.dumps({'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'my-dep'}, 'spec': {'unknownField': 'foo', 'replicas': 2, 'selector': {
            'matchLabels': {'app': 'nginx'}}, 'template': {'metadata': {'labels': {'app': 'nginx'}}, 'spec': {'containers': [{'name': 'nginx', 'image': 'nginx'}]}}}})
        post = lambda body: refused(400, api.call, 'POST', ns.apps('deployments') + '?fieldManager=f&fieldValidation=Strict', body).message
        has(post(text.replace('"replicas": 2', '"replicas": 2, "replicas": 3')), 'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"')
        has(post(text.replace('"unknownField": "foo", ', '').replace('"name": "my-dep"', '"name": "my-dep", "unknownMeta": "foo"')), 'strict decoding error: unknown field "metadata.unknownMeta"')


@case
def fields_of_custom_objects(api):
    with Definition(api, definition(STRICT, scope='Cluster')) as d:
        applied(api, d, SPEC)
        has(refused((400, 500), applied, api, d, 'unknownField: unknown\n' + SPEC, 'other').message, '.unknownField: field not declared in schema')
    with Definition(api, definition(scope='Cluster')) as d:
        applied(api, d, SPEC.replace('foo: foo1', 'unknown: uk1'))
    with Definition(api, definition(EMBEDDED, scope='Cluster')) as d:
        text = '  unknownMeta: unknown\n' + SPEC + '  template:\n    apiVersion: foo/v1\n    kind: Sub\n    metadata:\n      unknownSubMeta: unknown\n      name: subobject\n'
        got = refused((400, 500), applied, api, d, text).message
        has(got, '.metadata.unknownMeta: field not declared in schema')
        twice = 'foo: foo1\n  foo: foo2'
        got = refused(400, api.patch, d.path(name='mytest'), 'apiVersion: %s/v1\nkind: %s\nmetadata:\n  name: mytest\n%s' % (d.group, d.names['kind'], SPEC.replace('foo: foo1', twice)),
                      APPLY, fieldManager='f', fieldValidation='Strict').message
        has(got, 'line 7: key "foo" already set in map')
        body = json.dumps(d.new('mytest', spec={'foo': 'foo1', 'x': {'y': 1}})).replace('"foo": "foo1"', '"foo": "foo1", "foo": "foo2"').replace('"y": 1', '"y": 1, "y": 2')
        got = refused(400, api.call, 'POST', d.path() + '?fieldValidation=Strict', body).message
        has(got, 'duplicate field "spec.foo"')


# --- OpenAPI of custom resources --------------------------------------------------------------------------------------

FOO = {'description': 'Foo CRD for Testing', 'type': 'object', 'properties': {
    'spec': {'type': 'object', 'description': 'Specification of Foo', 'properties': {'bars': {'description': 'List of Bars and their specs.', 'type': 'array', 'items': {
        'type': 'object', 'required': ['name'], 'properties': {'name': {'description': 'Name of Bar.', 'type': 'string'}, 'age': {'description': 'Age of Bar.', 'type': 'string'},
                                                               'feeling': {'description': 'Whether Bar is feeling great.', 'type': 'string', 'enum': ['Great', 'Down']},
                                                               'bazs': {'description': 'List of Bazs.', 'items': {'type': 'string'}, 'type': 'array'}}}}}},
    'status': {'description': 'Status of Foo', 'type': 'object', 'properties': {'bars': {'description': 'List of Bars and their statuses.', 'type': 'array', 'items': {
        'type': 'object', 'properties': {'name': {'description': 'Name of Bar.', 'type': 'string'}, 'available': {'description': 'Whether the Bar is installed.', 'type': 'boolean'},
                                         'quxType': {'description': 'Indicates to external qux type.', 'pattern': 'in-tree|out-of-tree', 'type': 'string'}}}}}}}}
WALDO = {'description': 'Waldo CRD for Testing', 'type': 'object', 'properties': {
    'spec': {'description': 'Specification of Waldo', 'type': 'object', 'properties': {'dummy': {'description': 'Dummy property.', 'type': 'object'}}},
    'status': {'description': 'Status of Waldo', 'type': 'object', 'properties': {'bars': {'description': 'List of Bars and their statuses.', 'type': 'array', 'items': {'type': 'object'}}}}}}


def published(api, d, version):
    name = '%s.%s.%s' % ('.'.join(reversed(d.group.split('.'))), version, d.names['kind'])
    return api.get('/openapi/v2')['definitions'].get(name)


def publishes(api, d, version, schema):
    want = {k: v for k, v in schema.items()}

    def fits():
        got = published(api, d, version)
        if not got:
            return False
        got = copy.deepcopy(got)
        for k in 'metadata', 'apiVersion', 'kind':
            got['properties'].pop(k)
        if not got['properties']:
            del got['properties']
        got.pop('x-kubernetes-group-version-kind')
        return got == want
    eventually(fits, 20, 'the schema of %s stands in the document' % version)


@case
def openapi_of_several_definitions(api):
    common = random_name('common') + '.example.com'
    for foo, waldo in (definition(FOO), definition(WALDO, ('v1beta1',))), (definition(FOO, ('v4',), group=common), definition(WALDO, ('v5',), group=common)), \
            (definition(FOO, ('v6',), group=common), definition(WALDO, ('v6',), group=common)):
        with Definition(api, foo) as a, Definition(api, waldo) as b:
            publishes(api, a, a.obj['spec']['versions'][0]['name'], FOO)
            publishes(api, b, b.obj['spec']['versions'][0]['name'], WALDO)
        eventually(lambda: not published(api, a, a.obj['spec']['versions'][0]['name']))


@case
def openapi_follows_versions(api):
    with Definition(api, definition(FOO, ('v2', 'v3'))) as d:
        publishes(api, d, 'v2', FOO)
        publishes(api, d, 'v3', FOO)
        api.patch(d.one, [{'op': 'test', 'path': '/spec/versions/1/name', 'value': 'v3'}, {'op': 'replace', 'path': '/spec/versions/1/name', 'value': 'v4'}], JSON_PATCH)
        publishes(api, d, 'v4', FOO)
        eventually(lambda: not published(api, d, 'v3'))
        publishes(api, d, 'v2', FOO)
        api.change(d.one, lambda o: o['spec']['versions'][1].update(served=False))
        eventually(lambda: not published(api, d, 'v4'))
        publishes(api, d, 'v2', FOO)


def explains(name, pattern):
    got = kubectl('explain', name)
    assert re.search('(?s)' + pattern, got), (pattern, got)


@case
def kubectl_knows_definitions(api):
    with Namespace(api) as ns, Definition(api, definition(FOO)) as d:
        publishes(api, d, 'v1', FOO)
        feed = lambda fails=None, verb='create', **more: kubectl('-n', ns.name, verb, '-f', '-', stdin=json.dumps(d.new('test-foo', **more)), fails=fails)
        for verb in 'create', 'apply':
            feed(verb=verb, spec={'bars': [{'name': 'test-bar'}]})
            kubectl('-n', ns.name, 'delete', d.names['plural'] + '.' + d.group, 'test-foo')
            feed('Unsupported value: "NonExistentValue"', verb, spec={'bars': [{'name': 'test-bar', 'feeling': 'NonExistentValue'}]})
            feed('unknown field "spec.foo"', verb, spec={'foo': True})
            feed('spec.bars[0].name: Required value', verb, spec={'bars': [{'age': '10'}]})
        plural = d.names['plural']
        explains(plural, r'DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo')
        explains(plural + '.metadata', r"DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp")
        explains(plural + '.spec', r'DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs')
        explains(plural + '.spec.bars', r'(RESOURCE|FIELD):.*bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar')
        kubectl('explain', plural + '.spec.bars2', fails='field "bars2" does not exist')


@case
def kubectl_and_unknown_fields(api):
    nested = {'description': 'preserve-unknown-properties in nested field for Testing', 'type': 'object', 'properties': {
        'spec': dict(OPEN, description='Specification of Waldo', properties={'dummy': {'description': 'Dummy property.', 'type': 'object'}}),
        'status': {'description': 'Status of Waldo', 'type': 'object', 'properties': {'bars': {'description': 'List of Bars and their statuses.', 'type': 'array', 'items': {'type': 'object'}}}}}}
    root = dict(OPEN, description='preserve-unknown-properties at root for Testing')
    with Namespace(api) as ns:
        for schema, more, says in (None, {'a': {'b': [{'c': 'd'}]}}, 'DESCRIPTION:.*<empty>'), (root, {'a': {'b': [{'c': 'd'}]}}, 'KIND:.*E2efoo'), \
                (nested, {'spec': {'a': None, 'b': [{'c': 'd'}]}}, 'DESCRIPTION:.*preserve-unknown-properties in nested field for Testing'):
            with Definition(api, definition(schema)) as d:
                eventually(lambda: published(api, d, 'v1'))
                for verb in 'create', 'apply':
                    kubectl('-n', ns.name, verb, '-f', '-', stdin=json.dumps(d.new('test-cr', **more)))
                    kubectl('-n', ns.name, 'delete', d.names['plural'], 'test-cr')
                explains(d.names['plural'], says)


# --- an extension server ----------------------------------------------------------------------------------------------


@case
def aggregator(api):
    with World(api) as w:
        one, flunders = APISERVICES + '/v1alpha1.wardle.example.com', '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders'
        api.post(APISERVICES, {'metadata': meta('v1alpha1.wardle.example.com'), 'spec': {
            'service': {'namespace': w.name, 'name': 'hook', 'port': 8443}, 'group': 'wardle.example.com', 'version': 'v1alpha1', 'caBundle': w.hooks.ca,
            'groupPriorityMinimum': 2000, 'versionPriority': 200}})
        eventually(lambda: has_condition(api.get(one + '/status'), 'Available', 'True'))
        eventually(lambda: api.get(flunders)['items'] == [])
        flunder = {'apiVersion': 'wardle.example.com/v1alpha1', 'kind': 'Flunder', 'metadata': {'labels': {'sample-label': 'true'}, 'name': 'f', 'namespace': 'default'}}
        equal(api.raw('POST', flunders, flunder)[0], 201)
        equal(names(api.get(flunders)['items']), ['f'])
        api.delete(flunders + '/f')
        equal(api.get(flunders)['items'], [])
        assert 'flunders' in kubectl('api-resources', '--api-group=wardle.example.com')
        equal([v['groupVersion'] for g in api.get('/apis')['groups'] if g['name'] == 'wardle.example.com' for v in g['versions']], ['wardle.example.com/v1alpha1'])
        equal(api.patch(one, {'spec': {'versionPriority': 400}})['spec']['versionPriority'], 400)
        assert 'v1alpha1.wardle.example.com' in names(api.get(APISERVICES)['items'])
        api.change(one, lambda o: o['metadata'].setdefault('labels', {}).update({'apiservice-update': 'updated'}))
        watch = api.watch(APISERVICES, labelSelector='apiservice-update=updated')
        got = api.change(one + '/status', lambda o: o['status']['conditions'].append(
            {'type': 'StatusUpdated', 'status': 'True', 'reason': 'E2E', 'message': 'Set from an e2e test', 'lastTransitionTime': '2026-01-01T00:00:00Z'}))
        equal(has_condition(got, 'StatusUpdated', 'True'), True)
        watch.until('MODIFIED', fits=lambda o: has_condition(o, 'StatusUpdated'))
        got = api.patch(one + '/status', {'status': {'conditions': [{'type': 'StatusPatched', 'status': 'True', 'reason': 'E2E', 'message': 'Set by e2e test'}]}})
        equal(has_condition(got, 'StatusPatched', 'True'), True)
        watch.close()
        eventually(lambda: has_condition(api.get(one), 'Available', 'True'))
        api.delete(APISERVICES, labelSelector='apiservice-update=updated')
        eventually(lambda: api.gone(one))
        eventually(lambda: api.code(flunders) == 404)


run(Api(os.environ['SERVER'], os.environ['PKI']))
