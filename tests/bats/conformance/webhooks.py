#!/usr/bin/env python3
"""Admission webhooks. usage: webhooks.py [CASE...] with SERVER=HOST:PORT, PKI=directory
and HOST=an address of this machine that endpoints may have"""
import base64
import os
import subprocess

from conformance import JSON_PATCH, STRATEGIC, Api, at, case, configmap, equal, eventually, has, meta, names, pod, random_name, refused, run
from hooks import ADMISSION, CRDS, EVERY, MUTATING, VALIDATING, Definition, World, definition, on


@case
def webhook_discovery(api):
    equal([v['version'] for v in api.get('/apis/admissionregistration.k8s.io')['versions']][0], 'v1')
    there = [r['name'] for r in api.get('/apis/admissionregistration.k8s.io/v1')['resources']]
    assert VALIDATING in there and MUTATING in there, there


@case
def webhook_denies_pods_and_configmaps(api):
    with World(api) as w:
        w.hooks.register(VALIDATING, w.hooks.webhook('pods', [on('pods', ['CREATE'])], 'deny-pods'), w.hooks.webhook('configmaps', [on('configmaps')], 'deny-configmaps', namespaceSelector={
            'matchLabels': {w.hooks.marker: 'true'}, 'matchExpressions': [{'key': 'skip', 'operator': 'NotIn', 'values': ['yes']}]}),
                         w.hooks.webhook('slow', [on('services', ['CREATE'])], 'slow', timeoutSeconds=1))
        bad = pod('disallowed')
        bad['spec']['containers'][0]['name'] = 'webhook-disallow'
        got = refused(400, api.post, w.core('pods'), bad)
        equal(got.message, 'admission webhook "deny-pods.k8s.io" denied the request: the pod contains unwanted container name; the pod contains unwanted label')
        has(refused(500, api.post, w.core('services'), {'metadata': meta('hanging'), 'spec': {'ports': [{'port': 1}]}}).message, 'deadline exceeded')
        data = {'webhook-e2e-test': 'webhook-disallow'}
        refused(400, api.post, w.core('configmaps'), configmap('disallowed', data))
        api.post(w.core('configmaps'), configmap('to-be', {'a': 'b'}))
        refused(400, api.change, w.core('configmaps/to-be'), lambda o: o.update(data=data))
        refused(400, api.patch, w.core('configmaps/to-be'), {'data': data}, STRATEGIC)
        api.patch('/api/v1/namespaces/' + w.name, {'metadata': {'labels': {'skip': 'yes'}}})
        api.post(w.core('configmaps'), configmap('disallowed', data))


@case
def webhook_denies_attach(api):
    with World(api) as w:
        w.hooks.register(VALIDATING, w.hooks.webhook('attach', [on('pods/attach', ['CONNECT'])]))
        api.post(w.core('pods'), pod('to-be-attached-pod'))
        eventually(lambda: at(api.get(w.core('pods/to-be-attached-pod')), 'status.phase') == 'Running')
        has(refused(400, api.post, w.core('pods/to-be-attached-pod/attach'), None, stdout='true', container='c').message, "attaching to pod 'to-be-attached-pod' is not allowed")


@case
def webhook_denies_crds(api):
    with World(api) as w:
        hook = w.hooks.webhook('crd', [on('customresourcedefinitions', ['CREATE'], 'apiextensions.k8s.io')], objectSelector={'matchLabels': {w.hooks.marker: 'true'}})
        del hook['namespaceSelector']
        path = w.hooks.register(VALIDATING, hook)
        has(refused(400, api.post, CRDS, definition(labels={w.hooks.marker: 'true', 'webhook-e2e-test': 'webhook-disallow'})).message, 'the crd contains unwanted label')
        api.delete(path)


@case
def webhook_fails_closed(api):
    with World(api) as w:
        w.hooks.register(VALIDATING, w.hooks.webhook('configmaps', [on('configmaps', ['CREATE'])], 'fail-closed', failurePolicy='Fail', clientConfig=w.hooks.client('/configmaps', base64.b64encode(
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null'],
                           capture_output=True, check=True).stdout).decode())))
        has(refused(500, api.post, w.core('configmaps'), configmap('foo')).message, 'failed calling webhook "fail-closed.k8s.io"')


@case
def webhook_timeouts(api):
    with World(api) as w:
        for i, (seconds, policy, passes) in enumerate(((1, 'Fail', False), (1, 'Ignore', True), (20, 'Fail', True), (None, 'Fail', True))):
            more = {} if seconds is None else {'timeoutSeconds': seconds}
            path = w.hooks.register(VALIDATING, w.hooks.webhook('slow', [on('configmaps', ['CREATE'])], failurePolicy=policy, **more))
            equal(api.get(path)['webhooks'][0]['timeoutSeconds'], seconds or 10)
            make = lambda: api.post(w.core('configmaps'), configmap('e2e-test-slow-webhook-%d' % i))
            if passes:
                make()
            else:
                has(refused(500, make).message, 'context deadline exceeded')
            api.delete(path)


@case
def webhook_mutates(api):
    with World(api) as w:
        w.hooks.register(MUTATING, w.hooks.webhook('mutate-configmap', [on('configmaps', ['CREATE'])], 'adding-configmap-data-stage-1'),
                         w.hooks.webhook('mutate-configmap', [on('configmaps', ['CREATE'])], 'adding-configmap-data-stage-2'),
                         w.hooks.webhook('mutate-pod', [on('pods', ['CREATE'])], 'adding-init-container'))
        equal(api.post(w.core('configmaps'), configmap('to-be-mutated', {'mutation-start': 'yes'}))['data'],
              {'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes'})
        got = api.post(w.core('pods'), pod('webhook-to-be-mutated'))['spec']['initContainers']
        equal((len(got), got[0]['name'], got[0]['image']), (1, 'webhook-added-init-container', 'webhook-added-image'))
        equal((got[0]['terminationMessagePolicy'], got[0]['imagePullPolicy'], got[0]['terminationMessagePath']), ('File', 'Always', '/dev/termination-log'))


@case
def webhook_configurations_are_safe_from_webhooks(api):
    with World(api) as w:
        label = {w.hooks.marker: 'true'}
        made = []
        for kind, path, name in (VALIDATING, 'deny', 'deny-webhook-configuration-deletions'), (MUTATING, 'add-label', 'add-label-to-webhook-configurations'):
            hook = w.hooks.webhook(path, [on(k, EVERY, 'admissionregistration.k8s.io') for k in (VALIDATING, MUTATING)], name, objectSelector={'matchLabels': label})
            del hook['namespaceSelector']
            made.append(w.hooks.register(kind, hook, labels=label))
        for kind in VALIDATING, MUTATING:
            path = w.hooks.register(kind, w.hooks.webhook('allow', [on('invalid', ['CREATE'])]), labels=label)
            equal(api.get(path)['metadata']['labels'], label)
            api.delete(path)
        for path in made:
            api.delete(path)


def eager(api, w, kind, hook, touched):
    """A configuration loses CREATE by update, gets it again by patch."""
    path = w.hooks.register(kind, w.hooks.webhook(hook, [on('configmaps', ['CREATE'])]))
    probe = lambda: api.post(w.core('configmaps'), configmap(random_name('probe'), {'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow'}))
    touched(probe, True)
    api.change(path, lambda o: o['webhooks'][0]['rules'][0].update(operations=['UPDATE']))
    touched(probe, False)
    got = api.patch(path, [{'op': 'replace', 'path': '/webhooks/0/rules/0/operations', 'value': ['CREATE']}], JSON_PATCH)
    equal(got['metadata']['generation'], 3)
    touched(probe, True)
    api.delete(path)
    touched(probe, False)


def mutated(probe, want):
    equal('mutation-stage-1' in probe()['data'], want)


def refusing(probe, want):
    if want:
        refused(400, probe)
    else:
        probe()


@case
def webhook_configurations_are_changed(api):
    with World(api) as w:
        eager(api, w, MUTATING, 'mutate-configmap', mutated)
        eager(api, w, VALIDATING, 'configmaps', refusing)


@case
def webhook_configurations_are_listed(api):
    with World(api) as w:
        for kind, hook, touched in (MUTATING, 'mutate-configmap', mutated), (VALIDATING, 'configmaps', refusing):
            label = random_name('uuid')
            made = [w.hooks.register(kind, w.hooks.webhook(hook, [on('configmaps', ['CREATE'])]), labels={'e2e-list-test-uuid': label}) for _ in range(10)]
            listed = api.get(ADMISSION + kind, labelSelector='e2e-list-test-uuid=' + label)['items']
            equal(names(listed), sorted(p.split('/')[-1] for p in made))
            probe = lambda: api.post(w.core('configmaps'), configmap(random_name('probe'), {'mutation-start': 'yes', 'webhook-e2e-test': 'webhook-disallow'}))
            touched(probe, True)
            api.delete(ADMISSION + kind, labelSelector='e2e-list-test-uuid=' + label)
            touched(probe, False)


@case
def custom_webhooks(api):
    with World(api) as w, Definition(api, definition(versions=('v1', 'v2'))) as d:
        rule = {'apiGroups': [d.group], 'apiVersions': ['*'], 'resources': [d.names['plural']]}
        hook = w.hooks.webhook('custom', [dict(rule, operations=EVERY)])
        path = w.hooks.register(VALIDATING, hook)
        bad = {'webhook-e2e-test': 'webhook-disallow'}
        has(refused(400, api.post, d.path('v1', w), d.new('one', data=bad)).message, 'the custom resource contains unwanted data')
        api.post(d.path('v1', w), d.new('one', data={'webhook-e2e-test': 'webhook-nondeletable'.replace('non', '')}))
        refused(400, api.patch, d.path('v1', w, 'one'), {'data': {'webhook-e2e-test': 'webhook-nondeletable'}})
        api.delete(path)
        api.patch(d.path('v1', w, 'one'), {'data': {'webhook-e2e-test': 'webhook-nondeletable'}})
        path = w.hooks.register(VALIDATING, hook)
        refused(400, api.delete, d.path('v1', w, 'one'))
        api.delete(path)
        api.delete(d.path('v1', w, 'one'))
        # Mutation, also of what is stored in another version.
        w.hooks.register(MUTATING, w.hooks.webhook('mutate-custom', [dict(rule, operations=['CREATE', 'UPDATE'])], 'stage-1'),
                         w.hooks.webhook('mutate-custom', [dict(rule, operations=['CREATE', 'UPDATE'])], 'stage-2'))
        got = api.post(d.path('v1', w), d.new('two', data={'mutation-start': 'yes'}))
        equal(got['data'], {'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes'})
        api.patch(d.one, [{'op': 'replace', 'path': '/spec/versions/%d/storage' % i, 'value': i == 1} for i in (0, 1)], JSON_PATCH)
        got = api.patch(d.path('v1', w, 'two'), {'data': {'mutation-stage-2': None}})
        equal(got['data']['mutation-stage-2'], 'yes')


@case
def custom_mutation_is_pruned(api):
    schema = {'type': 'object', 'properties': {'data': {'type': 'object', 'properties': {k: {'type': 'string'} for k in ('mutation-start', 'mutation-stage-1')}}}}
    with World(api) as w, Definition(api, definition(schema)) as d:
        rule = [{'apiGroups': [d.group], 'apiVersions': ['*'], 'resources': [d.names['plural']], 'operations': ['CREATE']}]
        w.hooks.register(MUTATING, w.hooks.webhook('mutate-custom', rule, 'stage-1'), w.hooks.webhook('mutate-custom', rule, 'stage-2'))
        got = api.post(d.path('v1', w), d.new('one', data={'mutation-start': 'yes'}))
        equal(got['data'], {'mutation-start': 'yes', 'mutation-stage-1': 'yes'})


run(Api(os.environ['SERVER'], os.environ['PKI']))
