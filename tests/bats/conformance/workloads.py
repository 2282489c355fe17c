#!/usr/bin/env python3
"""Workloads as objects of the API: status, scale, patches, collections, and the controllers of replicas on a node of paper.
usage: workloads.py [CASE...] with SERVER=HOST:PORT and PKI=directory"""
import os
import time

from conformance import (STRATEGIC, Api, Namespace, at, case, condition, controller, equal, eventually, has, has_condition, meta, names, pod,
                         run, template, workload)

QUIET = 0.3


def scale_kind(api, path, n):
    """get, update, patch of a scale, as every kind with replicas has it"""
    got = api.get(path + '/scale')
    equal((got['kind'], got['apiVersion'], got['spec']['replicas']), ('Scale', 'autoscaling/v1', n))
    got['spec']['replicas'] = n + 1
    got['metadata'].pop('resourceVersion')
    equal(api.put(path + '/scale', got)['spec']['replicas'], n + 1)
    equal(api.get(path)['spec']['replicas'], n + 1)
    equal(api.patch(path + '/scale', {'spec': {'replicas': n + 3}}, STRATEGIC)['spec']['replicas'], n + 3)
    equal(api.get(path)['spec']['replicas'], n + 3)
    return api.get(path + '/scale')


def status_kind(api, path, collection, settled=None):
    """get, update and patch of a status with conditions, seen by a watch; what a controller counts comes back by itself"""
    before = api.get(path + '/status')
    watch = api.watch(collection, fieldSelector='metadata.name=' + before['metadata']['name'])
    new = {'type': 'StatusUpdate', 'status': 'True', 'reason': 'E2E', 'message': 'Set from e2e test'}
    got = api.change(path + '/status', lambda o: o['status'].setdefault('conditions', []).append(new))
    equal(has_condition(got, 'StatusUpdate', 'True', reason='E2E', message='Set from e2e test'), True)
    watch.until('MODIFIED', fits=lambda o: has_condition(o, 'StatusUpdate', 'True'))
    patch = {'status': {'conditions': [{'type': 'StatusPatched', 'status': 'True'}]}}
    got = api.patch(path + '/status', patch, settled or STRATEGIC)
    equal(has_condition(got, 'StatusPatched', 'True'), True)
    watch.until('MODIFIED', fits=lambda o: has_condition(o, 'StatusPatched', 'True'))
    equal(api.get(path)['spec'], before['spec'])
    watch.close()


def running(api, path, n):
    eventually(lambda: at(api.get(path), 'status.availableReplicas', 0) == n, said='%s has %d available' % (path, n))
    return api.get(path)


# --- deployments ------------------------------------------------------------------------------------------------------


@case
def deployment_lifecycle(api):
    with Namespace(api) as ns:
        path, one = ns.apps('deployments'), ns.apps('deployments/test-deployment')
        labels = {'test-deployment-static': 'true'}
        watch = api.watch('/apis/apps/v1/deployments', labelSelector='test-deployment-static=true', fieldSelector='metadata.namespace=' + ns.name)
        api.post(path, workload('Deployment', 'test-deployment', labels, 1))
        watch.until('ADDED')
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.availableReplicas') == 1 and at(o, 'status.readyReplicas') == 1)
        got = api.patch(one, {'metadata': {'labels': {'test-deployment': 'patched'}}, 'spec': {'replicas': 2, 'template': {'spec': {
            'terminationGracePeriodSeconds': 0, 'containers': [{'name': 'c', 'image': 'knarr-demo:2'}]}}}}, STRATEGIC)
        equal((got['metadata']['labels']['test-deployment'], got['spec']['template']['spec']['containers'][0]['command']), ('patched', ['sleep', '10000']))
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.availableReplicas') == 2 and at(o, 'status.updatedReplicas') == 2 and
                    at(o, 'status.observedGeneration') == o['metadata']['generation'])
        equal(names(api.get('/apis/apps/v1/deployments', labelSelector='test-deployment-static=true')['items']), ['test-deployment'])
        got = api.change(one + '/status', lambda o: o['status'].update(readyReplicas=1, availableReplicas=1))
        got = api.patch(one + '/status', {'metadata': {'labels': {'test-deployment': 'patched-status'}}, 'status': {'readyReplicas': 1, 'availableReplicas': 1}})
        equal(got['metadata']['labels']['test-deployment'], 'patched')  # labels are not the status' to change
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.readyReplicas') == 1)
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.readyReplicas') == 2)
        equal(api.get(one + '/status')['kind'], 'Deployment')
        api.delete(path, {'gracePeriodSeconds': 1}, labelSelector='test-deployment-static=true')
        watch.until('DELETED')
        watch.close()


@case
def deployment_scale_and_status(api):
    with Namespace(api) as ns:
        one = ns.apps('deployments/d')
        api.post(ns.apps('deployments'), workload('Deployment', 'd', {'app': 'd'}, 1))
        running(api, one, 1)
        equal(scale_kind(api, one, 1)['status']['selector'], 'app=d')
        running(api, one, 4)
        status_kind(api, one, ns.apps('deployments'))


def strategy(kind, **rolling):
    return {'type': kind, 'rollingUpdate': rolling} if rolling else {'type': kind}


def image(o, name):
    o['spec']['template']['spec']['containers'][0]['image'] = name


@case
def deployments_replace_their_pods(api):
    with Namespace(api) as ns:
        path = ns.apps('deployments')
        api.post(ns.apps('replicasets'), workload('ReplicaSet', 'adopted', {'name': 'sample'}, 1))
        running(api, ns.apps('replicasets/adopted'), 1)
        api.post(path, workload('Deployment', 'rolling', {'name': 'sample'}, 1, template=dict(template({'name': 'sample'}), spec=dict(template({})['spec'], nodeSelector={'kubernetes.io/os': 'linux'}))))
        running(api, path + '/rolling', 1)
        eventually(lambda: at(api.get(ns.apps('replicasets/adopted')), 'spec.replicas') == 0)
        equal(at(api.get(ns.apps('replicasets/adopted')), 'metadata.ownerReferences')[0]['name'], 'rolling')
        # Recreate: no new pod while an old one is there.
        api.post(path, workload('Deployment', 'recreate', {'name': 'recreate'}, 1, strategy=strategy('Recreate')))
        running(api, path + '/recreate', 1)
        watch = api.watch(ns.core('pods'), labelSelector='name=recreate', resourceVersion=api.get(ns.core('pods'))['metadata']['resourceVersion'])
        api.change(path + '/recreate', lambda o: image(o, 'knarr-demo:2'))
        equal(next(e['type'] for e in iter(watch.next, None) if e['type'] in ('ADDED', 'DELETED')), 'DELETED')
        watch.until('ADDED')
        watch.close()
        running(api, path + '/recreate', 1)
        # History: old replica sets go.
        api.post(path, workload('Deployment', 'cleanup', {'name': 'cleanup'}, 1, revisionHistoryLimit=0))
        running(api, path + '/cleanup', 1)
        api.change(path + '/cleanup', lambda o: image(o, 'knarr-demo:2'))
        eventually(lambda: [at(o, 'spec.template.spec.containers')[0]['image'] for o in api.get(ns.apps('replicasets'), labelSelector='name=cleanup')['items']] == ['knarr-demo:2'])


@case
def deployment_scales_in_proportion(api):
    with Namespace(api) as ns:
        one = ns.apps('deployments/webserver')
        api.post(ns.apps('deployments'), workload('Deployment', 'webserver', {'name': 'web'}, 10, strategy=strategy('RollingUpdate', maxSurge=3, maxUnavailable=2)))
        running(api, one, 10)
        # A new template whose pods never get ready.
        api.change(one, lambda o: (image(o, 'webserver:404'), o['spec']['template']['metadata']['labels'].update(paper='pending')))
        sets = lambda: sorted((at(o, 'spec.replicas') for o in api.get(ns.apps('replicasets'))['items']), reverse=True)
        eventually(lambda: sets() == [8, 5])
        eventually(lambda: at(api.get(one), 'status.availableReplicas') == 8)
        api.patch(one + '/scale', {'spec': {'replicas': 30}})
        eventually(lambda: sets() == [20, 13])


# --- replica sets -----------------------------------------------------------------------------------------------------


@case
def replicaset_life(api):
    with Namespace(api) as ns:
        path, one = ns.apps('replicasets'), ns.apps('replicasets/test-rs')
        api.post(path, workload('ReplicaSet', 'test-rs', {'app': 'rs'}, 1))
        running(api, one, 1)
        scale_kind(api, one, 1)
        running(api, one, 4)
        got = api.patch(one, {'metadata': {'labels': {'test-rs': 'patched'}}, 'spec': {'replicas': 3, 'template': {'spec': {'terminationGracePeriodSeconds': 0, 'containers': [
            {'name': 'c', 'image': 'knarr-demo:2'}]}}}}, STRATEGIC)
        equal(got['metadata']['labels'], {'app': 'rs', 'test-rs': 'patched'})
        running(api, one, 3)
        status_kind(api, one, path)
        equal(names(api.get('/apis/apps/v1/replicasets', labelSelector='test-rs=patched', fieldSelector='metadata.namespace=' + ns.name)['items']), ['test-rs'])
        api.delete(path, labelSelector='test-rs=patched')
        eventually(lambda: api.gone(one))


def adopts(api, ns, path, obj, owner):
    api.post(ns.core('pods'), pod('pod-adoption', {'name': 'pod-adoption'}))
    api.post(path, obj)
    refs = lambda: at(api.get(ns.core('pods/pod-adoption')), 'metadata.ownerReferences')
    eventually(lambda: refs() and (refs()[0]['kind'], refs()[0]['controller']) == (owner, True))
    running(api, path + '/owner', 1)
    api.patch(ns.core('pods/pod-adoption'), {'metadata': {'labels': {'name': 'not-matching'}}})
    eventually(lambda: not refs())
    eventually(lambda: len(api.get(ns.core('pods'), labelSelector='name=pod-adoption')['items']) == 1)


@case
def replicaset_adopts_and_releases(api):
    with Namespace(api) as ns:
        adopts(api, ns, ns.apps('replicasets'), workload('ReplicaSet', 'owner', {'name': 'pod-adoption'}, 1), 'ReplicaSet')


# --- replication controllers ------------------------------------------------------------------------------------------


@case
def controller_adopts_and_releases(api):
    with Namespace(api) as ns:
        adopts(api, ns, ns.core('replicationcontrollers'), controller('owner', {'name': 'pod-adoption'}, 1), 'ReplicationController')


@case
def controller_lifecycle(api):
    with Namespace(api) as ns:
        path, one = ns.core('replicationcontrollers'), ns.core('replicationcontrollers/rc-test')
        labels = {'test-rc-static': 'true'}
        watch = api.watch('/api/v1/replicationcontrollers', labelSelector='test-rc-static=true', fieldSelector='metadata.namespace=' + ns.name)
        api.post(path, controller('rc-test', labels, 1))
        watch.until('ADDED')
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.replicas') == 1 and at(o, 'status.readyReplicas') == 1)
        equal(api.patch(one, {'metadata': {'labels': {'test-rc': 'patched'}}}, STRATEGIC)['metadata']['labels']['test-rc'], 'patched')
        watch.until('MODIFIED', fits=lambda o: o['metadata']['labels'].get('test-rc') == 'patched')
        api.patch(one + '/status', {'status': {'readyReplicas': 0, 'availableReplicas': 0}})
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.readyReplicas') in (0, None))
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.readyReplicas') == 1)
        equal(api.get(one + '/status')['kind'], 'ReplicationController')
        api.patch(one + '/scale', {'spec': {'replicas': 2}}, STRATEGIC)
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.replicas') == 2 and at(o, 'status.readyReplicas') == 2)
        got = api.change(one + '/status', lambda o: o['status'].setdefault('conditions', []).append({'type': 'StatusUpdate', 'status': 'True'}))
        equal(has_condition(got, 'StatusUpdate', 'True'), True)
        got = api.change(one, lambda o: o['spec'].update(replicas=1, selector=labels))
        watch.until('MODIFIED', fits=lambda o: at(o, 'status.replicas') == 1)
        equal(names(api.get('/api/v1/replicationcontrollers', labelSelector='test-rc-static=true', fieldSelector='metadata.namespace=' + ns.name)['items']), ['rc-test'])
        api.delete(path, labelSelector='test-rc-static=true')
        watch.until('DELETED')
        watch.close()


@case
def controller_scale(api):
    with Namespace(api) as ns:
        one = ns.core('replicationcontrollers/e2e')
        api.post(ns.core('replicationcontrollers'), controller('e2e', {'name': 'e2e'}, 1))
        running(api, one, 1)
        equal(scale_kind(api, one, 1)['status']['selector'], 'name=e2e')
        running(api, one, 4)


@case
def controller_tells_of_a_quota(api):
    with Namespace(api) as ns:
        one = ns.core('replicationcontrollers/condition-test')
        api.post(ns.core('resourcequotas'), {'metadata': meta('condition-test'), 'spec': {'hard': {'pods': '2'}}})
        eventually(lambda: at(api.get(ns.core('resourcequotas/condition-test')), 'status.used.pods') == '0')
        api.post(ns.core('replicationcontrollers'), controller('condition-test', {'name': 'condition-test'}, 3))
        eventually(lambda: has_condition(api.get(one), 'ReplicaFailure', 'True', reason='FailedCreate'))
        has(condition(api.get(one), 'ReplicaFailure')['message'], 'exceeded quota')
        api.patch(one, {'spec': {'replicas': 2}})
        eventually(lambda: not condition(api.get(one), 'ReplicaFailure'))


# --- other kinds as objects -------------------------------------------------------------------------------------------


@case
def statefulset_objects(api):
    with Namespace(api) as ns:
        path, one = ns.apps('statefulsets'), ns.apps('statefulsets/ss')
        api.post(path, workload('StatefulSet', 'ss', {'app': 'ss'}, 1, serviceName='test'))
        scale_kind(api, one, 1)
        status_kind(api, one, path)
        got = api.patch(one, {'metadata': {'labels': {'test-ss': 'patched'}}, 'spec': {'replicas': 2, 'template': {'spec': {'containers': [{'name': 'c', 'image': 'knarr-demo:2'}]}}}}, STRATEGIC)
        equal((got['spec']['replicas'], got['spec']['template']['spec']['containers'][0]['command']), (2, ['sleep', '10000']))
        equal(names(api.get('/apis/apps/v1/statefulsets', labelSelector='test-ss=patched', fieldSelector='metadata.namespace=' + ns.name)['items']), ['ss'])
        api.delete(path, {'gracePeriodSeconds': 1}, labelSelector='test-ss=patched')
        eventually(lambda: api.gone(one))


@case
def daemonset_objects(api):
    with Namespace(api) as ns:
        path, one = ns.apps('daemonsets'), ns.apps('daemonsets/ds')
        api.post(path, workload('DaemonSet', 'ds', {'app': 'ds'}))
        status_kind(api, one, path)
        equal(names(api.get('/apis/apps/v1/daemonsets', labelSelector='app=ds', fieldSelector='metadata.namespace=' + ns.name)['items']), ['ds'])
        api.delete(path, labelSelector='app=ds')
        eventually(lambda: api.gone(one))


def job(name, **spec):
    t = template({'job': name}, restartPolicy='Never')
    return {'metadata': meta(name, {'e2e-job': name}), 'spec': dict({'template': t}, **spec)}


@case
def job_objects(api):
    with Namespace(api) as ns:
        path, one = ns.group('batch/v1', 'jobs'), ns.group('batch/v1', 'jobs/e2e')
        api.post(path, job('e2e', suspend=True, parallelism=2, completions=4))
        watch = api.watch(path, labelSelector='e2e-job=e2e')
        got = api.patch(one, {'metadata': {'labels': {'e2e': 'patched'}}}, STRATEGIC)
        equal(got['metadata']['labels']['e2e'], 'patched')
        api.change(one, lambda o: o['metadata'].setdefault('annotations', {}).update(updated='true'))
        watch.until('MODIFIED', fits=lambda o: at(o, 'metadata.annotations.updated') == 'true')
        now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        new = {'type': 'CustomConditionType', 'status': 'True', 'reason': 'E2E', 'lastTransitionTime': now}
        got = api.patch(one + '/status', {'metadata': {'annotations': {'patchedstatus': 'true'}}, 'status': {'conditions': [new]}})
        equal((got['metadata']['annotations']['patchedstatus'], has_condition(got, 'CustomConditionType', 'True')), ('true', True))
        got = api.change(one + '/status', lambda o: o['status'].update(startTime=now))
        equal(got['status']['startTime'], now)
        equal(api.get(one + '/status')['metadata']['uid'], got['metadata']['uid'])
        equal(names(api.get('/apis/batch/v1/jobs', labelSelector='e2e-job=e2e', fieldSelector='metadata.namespace=' + ns.name)['items']), ['e2e'])
        api.delete(path, {'propagationPolicy': 'Background'}, labelSelector='e2e-job=e2e')
        watch.until('DELETED')
        watch.close()


@case
def cronjob_objects(api):
    with Namespace(api) as ns:
        path = ns.group('batch/v1', 'cronjobs')
        for i in range(3):
            api.post(path, {'metadata': meta('cj%d' % i, {'special-label': ns.name}), 'spec': {
                'schedule': '0 0 1 1 *', 'concurrencyPolicy': 'Allow', 'jobTemplate': {'spec': job('x')['spec']}}})
        one = path + '/cj0'
        equal(len(api.get('/apis/batch/v1/cronjobs', labelSelector='special-label=' + ns.name)['items']), 3)
        watch = api.watch(path, resourceVersion=api.get(path)['metadata']['resourceVersion'])
        equal(api.patch(one, {'metadata': {'annotations': {'patched': 'true'}}})['metadata']['annotations']['patched'], 'true')
        watch.until('MODIFIED', fits=lambda o: at(o, 'metadata.annotations.patched') == 'true')
        api.change(one, lambda o: o['metadata']['annotations'].update(updated='true'))
        watch.until('MODIFIED', fits=lambda o: at(o, 'metadata.annotations.updated') == 'true')
        now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        got = api.patch(one + '/status', {'metadata': {'annotations': {'patchedstatus': 'true'}}, 'status': {'lastScheduleTime': now}})
        equal((got['status']['lastScheduleTime'], got['metadata']['annotations']['patchedstatus']), (now, 'true'))
        got = api.change(one + '/status', lambda o: o['status'].update(lastScheduleTime='2020-01-01T00:00:00Z'))
        equal(got['status']['lastScheduleTime'], '2020-01-01T00:00:00Z')
        api.get(one + '/status')
        api.delete(one)
        watch.until('DELETED')
        api.delete(path, labelSelector='special-label=' + ns.name)
        equal(api.get(path)['items'], [])
        watch.close()


@case
def disruption_budget_objects(api):
    with Namespace(api) as ns:
        path, one = ns.group('policy/v1', 'poddisruptionbudgets'), ns.group('policy/v1', 'poddisruptionbudgets/foo')
        spec = {'minAvailable': 1, 'selector': {'matchLabels': {'foo': 'bar'}}}
        api.post(path, {'metadata': meta('foo', {'e2e': 'yes'}), 'spec': spec})
        equal(api.change(one, lambda o: o['spec'].update(minAvailable='2%'))['spec']['minAvailable'], '2%')
        got = api.patch(one, {'spec': {'minAvailable': '3%'}}, STRATEGIC)
        equal(got['spec']['minAvailable'], '3%')
        got = api.change(one + '/status', lambda o: o.setdefault('status', {}).setdefault('disruptedPods', {}).update({'pod-1': '2026-01-01T00:00:00Z'}))
        equal(list(got['status']['disruptedPods']), ['pod-1'])
        got = api.patch(one + '/status', {'status': {'disruptedPods': {'pod-1': None, 'pod-2': '2026-01-01T00:00:00Z'}}})
        equal(list(got['status']['disruptedPods']), ['pod-2'])
        equal(names(api.get('/apis/policy/v1/poddisruptionbudgets', labelSelector='e2e=yes', fieldSelector='metadata.namespace=' + ns.name)['items']), ['foo'])
        api.delete(path, labelSelector='e2e=yes')
        eventually(lambda: api.get(path)['items'] == [])


run(Api(os.environ['SERVER'], os.environ['PKI']))
