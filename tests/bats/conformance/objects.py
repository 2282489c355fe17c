#!/usr/bin/env python3
"""Kinds as objects of the API: flow control, policies, revisions, reviews, signing requests, service accounts, events; discovery.
usage: objects.py [CASE...] with SERVER=HOST:PORT and PKI=directory"""
import base64
import json
import os
import subprocess
import time

from conformance import (STRATEGIC, Api, Namespace, at, case, equal, eventually, has_condition, meta, names, pod, random_name, refused, run)


# --- lives of cluster objects -----------------------------------------------------------------------------------------


def discovered(api, group, *resources):
    """The group and its resources stand in all discovery documents."""
    equal(len([g for g in api.get('/apis')['groups'] if g['name'] == group]), 1)
    versions = [v['version'] for v in api.get('/apis/' + group)['versions']]
    assert 'v1' in versions, versions
    there = [r['name'] for r in api.get('/apis/%s/v1' % group)['resources']]
    for r in resources:
        assert r in there, (r, there)


def life(api, path, make, change, patch, has_status=True, namespace_path=None, status_has_meta=True):
    """create, get, list, watch, patch, update, its status, delete, deletecollection: what every API test of a kind does"""
    label = random_name('life')
    objects = []
    for i in range(3):
        obj = make(random_name('e2e'))
        obj['metadata'].setdefault('labels', {})['special-label'] = label
        objects.append(api.post(path, obj))
    one = path + '/' + objects[0]['metadata']['name']
    equal(api.get(one)['metadata']['uid'], objects[0]['metadata']['uid'])
    for where in filter(None, (path, namespace_path)):
        equal(names(api.get(where, labelSelector='special-label=' + label)['items']), names(objects))
    watch = api.watch(namespace_path or path, resourceVersion=objects[-1]['metadata']['resourceVersion'], labelSelector='special-label=' + label)
    before = api.get(one)
    got = api.patch(one, dict({'metadata': {'annotations': {'patched': 'true'}}}, **(patch or {})))
    equal(got['metadata']['annotations']['patched'], 'true')
    if patch and 'spec' in patch and 'generation' in before['metadata']:
        equal(got['metadata']['generation'], before['metadata']['generation'] + 1)
    watch.until('MODIFIED', fits=lambda o: at(o, 'metadata.annotations.patched') == 'true')
    got = api.change(one, lambda o: (o['metadata']['annotations'].update(updated='true'), change and change(o)))
    equal(got['metadata']['annotations']['updated'], 'true')
    watch.until('MODIFIED', fits=lambda o: at(o, 'metadata.annotations.updated') == 'true')
    if has_status:
        api.get(one + '/status')
        got = api.patch(one + '/status', {'metadata': {'annotations': {'patchedstatus': 'true'}}})
        equal(got['metadata']['annotations'].get('patchedstatus'), 'true' if status_has_meta else None)
        got = api.change(one + '/status', lambda o: o['metadata']['annotations'].update(updatedstatus='true'))
        equal(got['metadata']['annotations'].get('updatedstatus'), 'true' if status_has_meta else None)
    api.delete(one)
    eventually(lambda: api.gone(one))
    watch.until('DELETED')
    equal(len(api.get(path, labelSelector='special-label=' + label)['items']), 2)
    api.delete(path, labelSelector='special-label=' + label)
    eventually(lambda: api.get(path, labelSelector='special-label=' + label)['items'] == [])
    watch.close()


@case
def flow_schemas(api):
    discovered(api, 'flowcontrol.apiserver.k8s.io', 'flowschemas', 'flowschemas/status', 'prioritylevelconfigurations', 'prioritylevelconfigurations/status')
    life(api, '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas', lambda name: {'metadata': meta(name), 'spec': {
        'matchingPrecedence': 10000, 'priorityLevelConfiguration': {'name': 'global-default'}, 'distinguisherMethod': {'type': 'ByUser'},
        'rules': [{'subjects': [{'kind': 'User', 'user': {'name': 'example-e2e-non-existent-user'}}],
                   'nonResourceRules': [{'verbs': ['*'], 'nonResourceURLs': ['*']}]}]}},
         lambda o: o['spec'].update(matchingPrecedence=9998), {'spec': {'matchingPrecedence': 9999}}, status_has_meta=False)


@case
def priority_levels(api):
    life(api, '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations', lambda name: {'metadata': meta(name), 'spec': {
        'type': 'Limited', 'limited': {'nominalConcurrencyShares': 2, 'limitResponse': {'type': 'Reject'}}}},
         lambda o: o['spec']['limited'].update(nominalConcurrencyShares=5), {'spec': {'limited': {'nominalConcurrencyShares': 4}}}, status_has_meta=False)


def policy(name, **spec):
    return {'metadata': meta(name), 'spec': dict({'matchConstraints': {'resourceRules': [
        {'apiGroups': ['apps'], 'apiVersions': ['v1'], 'operations': ['CREATE'], 'resources': ['deployments']}]}}, **spec)}


@case
def validating_policies(api):
    group = '/apis/admissionregistration.k8s.io/v1/'
    discovered(api, 'admissionregistration.k8s.io', 'validatingadmissionpolicies', 'validatingadmissionpolicies/status', 'validatingadmissionpolicybindings',
               'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations')
    life(api, group + 'validatingadmissionpolicies', lambda name: policy(name, validations=[{'expression': 'object.spec.replicas <= 100'}]),
         lambda o: o['spec'].update(validations=[{'expression': 'object.spec.replicas <= 200'}]), {'spec': {'failurePolicy': 'Ignore'}}, status_has_meta=False)
    life(api, group + 'validatingadmissionpolicybindings', lambda name: {'metadata': meta(name), 'spec': {'policyName': 'replicalimit-policy.example.com', 'validationActions': ['Deny']}},
         None, {'spec': {'validationActions': ['Warn']}}, has_status=False)


@case
def mutating_policies(api):
    group = '/apis/admissionregistration.k8s.io/v1/'
    life(api, group + 'mutatingadmissionpolicies', lambda name: policy(name, reinvocationPolicy='Never', mutations=[{
        'patchType': 'ApplyConfiguration', 'applyConfiguration': {'expression': 'Object{spec: Object.spec{replicas: 3}}'}}]),
         None, {'spec': {'failurePolicy': 'Ignore'}}, has_status=False)
    life(api, group + 'mutatingadmissionpolicybindings', lambda name: {'metadata': meta(name), 'spec': {'policyName': 'p.example.com'}}, None, None, has_status=False)


@case
def controller_revisions(api):
    with Namespace(api) as ns:
        path = ns.apps('controllerrevisions')
        make = lambda name: {'metadata': meta(name), 'revision': 1, 'data': {'spec': {'template': {'$patch': 'replace'}}}}
        life(api, path, make, lambda o: o.update(revision=3), {'revision': 2}, has_status=False, namespace_path='/apis/apps/v1/controllerrevisions')
        api.post(path, make('fixed'))
        refused(422, api.patch, path + '/fixed', {'data': {'x': 1}})


@case
def subject_reviews(api):
    with Namespace(api) as ns:
        user = 'system:serviceaccount:%s:e2e' % ns.name
        spec = {'user': user, 'resourceAttributes': {'verb': 'get', 'namespace': ns.name, 'resource': 'configmaps', 'version': 'v1'}}
        review = lambda path, kind, s: api.post(path, {'apiVersion': 'authorization.k8s.io/v1', 'kind': kind, 'spec': s})
        top = '/apis/authorization.k8s.io/v1/'
        equal(review(top + 'subjectaccessreviews', 'SubjectAccessReview', spec)['status']['allowed'], False)
        api.post(ns.group('rbac.authorization.k8s.io/v1', 'roles'), {'metadata': meta('r'), 'rules': [{'verbs': ['get'], 'apiGroups': [''], 'resources': ['configmaps']}]})
        api.post(ns.group('rbac.authorization.k8s.io/v1', 'rolebindings'), {'metadata': meta('b'), 'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role', 'name': 'r'},
                                                                            'subjects': [{'kind': 'ServiceAccount', 'name': 'e2e', 'namespace': ns.name}]})
        eventually(lambda: review(top + 'subjectaccessreviews', 'SubjectAccessReview', spec)['status']['allowed'])
        local = ns.group('authorization.k8s.io/v1', 'localsubjectaccessreviews')
        got = api.post(local, {'apiVersion': 'authorization.k8s.io/v1', 'kind': 'LocalSubjectAccessReview', 'metadata': {'namespace': ns.name}, 'spec': spec})
        equal(got['status']['allowed'], True)
        equal(review(top + 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', {'resourceAttributes': spec['resourceAttributes']})['status']['allowed'], True)


@case
def signing_requests(api):
    key = subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=e2e-user/O=e2e'],
                         capture_output=True, check=True).stdout
    discovered(api, 'certificates.k8s.io', 'certificatesigningrequests', 'certificatesigningrequests/approval', 'certificatesigningrequests/status')
    path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
    make = lambda name: {'metadata': meta(name), 'spec': {'request': base64.b64encode(key).decode(), 'signerName': 'example.com/e2e', 'usages': ['client auth'], 'expirationSeconds': 3600}}
    life(api, path, make, None, None)
    name = random_name('csr')
    api.post(path, make(name))
    one = path + '/' + name
    got = api.patch(one + '/approval', {'metadata': {'annotations': {'patchedapproval': 'true'}}, 'status': {'conditions': [
        {'type': 'ApprovalPatch', 'status': 'True', 'reason': 'e2e'}]}})
    equal((got['metadata']['annotations']['patchedapproval'], has_condition(got, 'ApprovalPatch')), ('true', True))
    obj = api.get(one)
    obj['status']['conditions'].append({'type': 'Approved', 'status': 'True', 'reason': 'E2E', 'message': 'Set from an e2e test'})
    equal(has_condition(api.put(one + '/approval', obj), 'Approved'), True)
    got = api.patch(one + '/status', {'status': {'certificate': base64.b64encode(open(os.environ['PKI'] + '/ca.crt', 'rb').read()).decode()}})
    assert got['status']['certificate']
    obj = api.get(one)
    obj['status']['conditions'].append({'type': 'StatusUpdate', 'status': 'True', 'reason': 'E2E', 'message': 'Set from an e2e test'})
    equal(has_condition(api.put(one + '/status', obj), 'StatusUpdate'), True)
    api.delete(path, fieldSelector='metadata.name=' + name)
    eventually(lambda: api.gone(one))


# --- service accounts -------------------------------------------------------------------------------------------------


@case
def service_accounts(api):
    with Namespace(api) as ns:
        path = ns.core('serviceaccounts')
        watch = api.watch(path, labelSelector='test=yes')
        api.post(path, {'metadata': meta('sa', {'test': 'yes'})})
        watch.until('ADDED')
        got = api.patch(path + '/sa', {'automountServiceAccountToken': False}, STRATEGIC)
        equal(got['automountServiceAccountToken'], False)
        watch.until('MODIFIED')
        equal(names(api.get('/api/v1/serviceaccounts', labelSelector='test=yes', fieldSelector='metadata.namespace=' + ns.name)['items']), ['sa'])
        equal(api.change(path + '/sa', lambda o: o.update(automountServiceAccountToken=True))['automountServiceAccountToken'], True)
        api.delete(path, labelSelector='test=yes')
        watch.until('DELETED')
        watch.close()


@case
def service_account_token_review(api):
    with Namespace(api) as ns:
        api.post(ns.core('serviceaccounts'), {'metadata': meta('e2e')})
        got = api.post(ns.core('serviceaccounts/e2e/token'), {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {'expirationSeconds': 600}})
        review = api.post('/apis/authentication.k8s.io/v1/tokenreviews', {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview', 'spec': {'token': got['status']['token']}})
        equal(review['status'].get('error'), None)
        equal(review['status']['authenticated'], True)
        equal(review['status']['user']['username'], 'system:serviceaccount:%s:e2e' % ns.name)
        # Issuer discovery, by the account's own token.
        mine = Api(api.address, os.environ['PKI'], got['status']['token'])
        document = json.loads(mine.raw('GET', '/.well-known/openid-configuration')[2])
        assert document['issuer'] and document['jwks_uri'].endswith('/openid/v1/jwks'), document
        code, headers, keys = mine.raw('GET', '/openid/v1/jwks')
        equal((code, headers['Content-Type']), (200, 'application/jwk-set+json'))
        assert json.loads(keys)['keys'][0]['kid']


@case
def automount_as_account_and_pod_say(api):
    with Namespace(api) as ns:
        for name, mount in ('mount', True), ('nomount', False), ('default-mount', None):
            api.post(ns.core('serviceaccounts'), dict({'metadata': meta(name)}, **({} if mount is None else {'automountServiceAccountToken': mount})))
        for account, by_account in ('mount', True), ('nomount', False), ('default-mount', True):
            for i, by_pod in enumerate((None, True, False)):
                p = pod('%s-%d' % (account, i), serviceAccountName=account)
                if by_pod is not None:
                    p['spec']['automountServiceAccountToken'] = by_pod
                mounts = at(api.post(ns.core('pods'), p), 'spec')['containers'][0].get('volumeMounts', [])
                want = by_account if by_pod is None else by_pod
                equal([m['mountPath'] for m in mounts], ['/var/run/secrets/kubernetes.io/serviceaccount'] if want else [])


@case
def root_ca_comes_back(api):
    with Namespace(api) as ns:
        path = ns.core('configmaps/kube-root-ca.crt')
        ca = api.get(path)['data']['ca.crt']
        api.delete(path)
        eventually(lambda: api.get(path)['data']['ca.crt'] == ca)
        api.change(path, lambda o: o.update(data={'ca.crt': ''}))
        eventually(lambda: api.get(path)['data'].get('ca.crt') == ca)


# --- events -----------------------------------------------------------------------------------------------------------


@case
def core_events(api):
    with Namespace(api) as ns:
        path = ns.core('events')
        make = lambda name, label: {'metadata': meta(name, {'testevent-constant': label}), 'involvedObject': {'kind': 'Pod', 'name': 'p', 'namespace': ns.name},
                                    'type': 'Normal', 'reason': 'Test', 'message': 'This is a test event', 'source': {'component': 'e2e'}, 'count': 1}
        api.post(path, make('event-test', 'event'))
        equal(names(api.get('/api/v1/events', labelSelector='testevent-constant=event')['items']), ['event-test'])
        equal(api.patch(path + '/event-test', {'message': 'This is a test event - patched'}, STRATEGIC)['message'], 'This is a test event - patched')
        got = api.change(path + '/event-test', lambda o: o.update(series={'count': 100, 'lastObservedTime': '2026-01-01T00:00:00.000000Z'}))
        equal(got['series']['count'], 100)
        api.delete(path + '/event-test')
        equal(api.get('/api/v1/events', labelSelector='testevent-constant=event')['items'], [])
        for i in range(3):
            api.post(path, make('test-event-%d' % i, 'set'))
        api.delete(path, labelSelector='testevent-constant=set')
        equal(api.get(path, labelSelector='testevent-constant=set')['items'], [])


@case
def events_of_the_new_group(api):
    with Namespace(api) as ns:
        path = ns.group('events.k8s.io/v1', 'events')
        now = time.strftime('%Y-%m-%dT%H:%M:%S.000000Z', time.gmtime())
        make = lambda name, label: {'metadata': meta(name, {'testevent': label}), 'eventTime': now, 'regarding': {'kind': 'Pod', 'name': 'p', 'namespace': ns.name},
                                    'type': 'Normal', 'reason': 'Test', 'note': 'This is a test event', 'action': 'Do', 'reportingController': 'test-controller',
                                    'reportingInstance': 'test-node'}
        made = api.post(path, make('event-test', 'one'))
        equal(names(api.get('/apis/events.k8s.io/v1/events', labelSelector='testevent=one', fieldSelector='reportingController=test-controller')['items']), ['event-test'])
        equal(names(api.get(path, fieldSelector='reportingController=test-controller')['items']), ['event-test'])
        got = api.patch(path + '/event-test', {'series': {'count': 2, 'lastObservedTime': now}}, STRATEGIC)
        equal(got['series']['count'], 2)
        got = api.change(path + '/event-test', lambda o: o['series'].update(count=100))
        equal(got['series']['count'], 100)
        equal(got['eventTime'], made['eventTime'])
        equal(api.get(ns.core('events/event-test'))['message'], 'This is a test event')
        api.delete(path + '/event-test')
        eventually(lambda: api.gone(path + '/event-test'))
        for i in range(3):
            api.post(path, make('test-event-%d' % i, 'set'))
        api.delete(path, labelSelector='testevent=set')
        equal(api.get(path, labelSelector='testevent=set')['items'], [])


# --- discovery --------------------------------------------------------------------------------------------------------

KNOWN = {'admissionregistration.k8s.io': 'validatingwebhookconfigurations', 'apiextensions.k8s.io': 'customresourcedefinitions', 'apiregistration.k8s.io': 'apiservices',
         'apps': 'deployments', 'authentication.k8s.io': 'tokenreviews', 'authorization.k8s.io': 'selfsubjectaccessreviews', 'autoscaling': 'horizontalpodautoscalers',
         'batch': 'jobs', 'certificates.k8s.io': 'certificatesigningrequests', 'coordination.k8s.io': 'leases', 'discovery.k8s.io': 'endpointslices', 'events.k8s.io': 'events',
         'networking.k8s.io': 'ingresses', 'node.k8s.io': 'runtimeclasses', 'policy': 'poddisruptionbudgets', 'scheduling.k8s.io': 'priorityclasses', 'storage.k8s.io': 'csinodes'}


@case
def discovery(api):
    for group in api.get('/apis/')['groups']:
        one = api.get('/apis/%s/' % group['name'])
        assert one['preferredVersion']['groupVersion'] in [v['groupVersion'] for v in one['versions']], one
    for group, resource in KNOWN.items():
        got = api.get('/apis/%s/v1' % group)
        equal(got['groupVersion'], group + '/v1')
        assert resource in [r['name'] for r in got['resources']], (group, resource)
    version = api.get('/version')
    assert int(version['major']) == 1 and version['minor'].rstrip('+').isdigit(), version


@case
def aggregated_discovery(api):
    accept = {'Accept': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'}
    groups = {g['metadata'].get('name', ''): g for g in api.call('GET', '/apis', None, accept)['items']}
    for group, resource in KNOWN.items():
        v1 = [v for v in groups[group]['versions'] if v['version'] == 'v1'][0]
        assert resource in [r['resource'] for r in v1['resources']], (group, resource)
    core = api.call('GET', '/api', None, accept)['items'][0]
    assert 'namespaces' in [r['resource'] for r in core['versions'][0]['resources']]
    # As client-go asks: several forms, the best first.
    code, headers, _ = api.raw('GET', '/apis', None, {'Accept': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,'
                                                               'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json'})
    equal((code, headers['Content-Type']), (200, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'))


run(Api(os.environ['SERVER'], os.environ['PKI']))
