#!/usr/bin/env python3
"""The lives of objects: namespaces, garbage collection, quotas, watches, chunks. usage: lifecycle.py [CASE...] with SERVER=HOST:PORT and PKI=directory"""
import base64
import json
import os
import threading
import time

from conformance import (STRATEGIC, Api, Namespace, at, case, condition, configmap, controller,
                         equal, eventually, has, meta, names, pod, random_name, refused, run, workload)

QUIET = 0.3


# --- namespaces -------------------------------------------------------------------------------------------------------


@case
def namespace_is_patched_updated_finalized(api):
    with Namespace(api) as ns:
        path = '/api/v1/namespaces/' + ns.name
        equal(api.patch(path, {'metadata': {'labels': {'testLabel': 'testValue'}}}, STRATEGIC)['metadata']['labels']['testLabel'], 'testValue')
        equal(api.change(path, lambda o: o['metadata']['labels'].update(updated='yes'))['metadata']['labels']['updated'], 'yes')
        mine = 'e2e.example.com/fakeFinalizer'
        obj = api.get(path)
        obj['spec']['finalizers'].append(mine)
        equal(api.put(path + '/finalize', obj)['spec']['finalizers'], ['kubernetes', mine])
        obj = api.get(path)
        obj['spec']['finalizers'].remove(mine)
        equal(api.put(path + '/finalize', obj)['spec']['finalizers'], ['kubernetes'])


@case
def namespace_status(api):
    with Namespace(api) as ns:
        path = '/api/v1/namespaces/' + ns.name
        equal(api.get(path + '/status')['status']['phase'], 'Active')
        got = api.patch(path + '/status', {'metadata': {'annotations': {'e2e-patched-ns-status': ns.name}}, 'status': {'conditions': [
            {'type': 'StatusPatch', 'status': 'True', 'reason': 'E2E', 'message': 'Patched by an e2e test'}]}})
        equal(got['metadata']['annotations']['e2e-patched-ns-status'], ns.name)
        equal(condition(got, 'StatusPatch')['message'], 'Patched by an e2e test')
        obj = api.get(path)
        obj['status']['conditions'].append({'type': 'StatusUpdate', 'status': 'True', 'reason': 'E2E', 'message': 'Updated by an e2e test'})
        equal(len(api.put(path + '/status', obj)['status']['conditions']), 2)


@case
def namespace_goes_with_pods_and_services(api):
    with Namespace(api) as ns:
        api.post(ns.core('pods'), pod('test-pod'))
        api.post(ns.core('services'), {'metadata': meta('test-service'), 'spec': {'selector': {'a': 'b'}, 'ports': [{'port': 80}]}})
        eventually(lambda: at(api.get(ns.core('pods/test-pod')), 'status.phase') == 'Running')
        path = '/api/v1/namespaces/' + ns.name
        equal(api.delete(path)['status']['phase'], 'Terminating')
        eventually(lambda: api.gone(path))
        api.post('/api/v1/namespaces', {'metadata': meta(ns.name)})
        equal(api.get(ns.core('pods'))['items'], [])
        refused(404, api.get, ns.core('services/test-service'))


@case
def namespace_deletes_pods_first(api):
    with Namespace(api) as ns:
        held = pod('testpod')
        held['metadata']['finalizers'] = ['e2e.example.com/finalizer']
        api.post(ns.core('pods'), held)
        api.post(ns.core('configmaps'), configmap('testcm', {'a': 'b'}, finalizers=['e2e.example.com/finalizer']))
        path = '/api/v1/namespaces/' + ns.name
        api.delete(path)
        eventually(lambda: at(api.get(ns.core('pods/testpod')), 'metadata.deletionTimestamp'))
        got = eventually(lambda: [n for n in [api.get(path)] if condition(n, 'NamespaceContentRemaining')])[0]
        equal(condition(got, 'NamespaceDeletionContentFailure')['status'], 'False')
        has(condition(got, 'NamespaceContentRemaining')['message'], 'pods.')
        time.sleep(QUIET)
        equal(at(api.get(ns.core('configmaps/testcm')), 'metadata.deletionTimestamp'), None, 'a config map goes after pods')
        api.patch(ns.core('pods/testpod'), {'metadata': {'finalizers': None}})
        eventually(lambda: at(api.get(ns.core('configmaps/testcm')), 'metadata.deletionTimestamp'))
        api.patch(ns.core('configmaps/testcm'), {'metadata': {'finalizers': None}})
        eventually(lambda: api.gone(path))


# --- garbage collection -----------------------------------------------------------------------------------------------


def replicated(api, ns, kind, name, n):
    """Waits until it has n pods."""
    path = ns.core('replicationcontrollers/' + name) if kind == 'rc' else ns.apps(kind + '/' + name)
    eventually(lambda: at(api.get(path), 'status.replicas') == n, said='%s %s has %d pods' % (kind, name, n))
    return path


def deleted(policy, **more):
    return dict({'propagationPolicy': policy}, **more)


@case
def gc_background_of_a_controller(api):
    with Namespace(api) as ns:
        api.post(ns.core('replicationcontrollers'), controller('simpletest.rc', {'name': 'simpletest'}, 2))
        path = replicated(api, ns, 'rc', 'simpletest.rc', 2)
        api.delete(path, deleted('Background', preconditions={'uid': api.get(path)['metadata']['uid']}))
        eventually(lambda: api.get(ns.core('pods'))['items'] == [])


@case
def gc_orphans_of_a_controller(api):
    with Namespace(api) as ns:
        api.post(ns.core('replicationcontrollers'), controller('simpletest.rc', {'name': 'simpletest'}, 20))
        path = replicated(api, ns, 'rc', 'simpletest.rc', 20)
        api.delete(path, deleted('Orphan', preconditions={'uid': api.get(path)['metadata']['uid']}))
        eventually(lambda: api.gone(path))
        time.sleep(QUIET)
        pods = api.get(ns.core('pods'))['items']
        equal(len([p for p in pods if not p['metadata'].get('ownerReferences') and not p['metadata'].get('deletionTimestamp')]), 20)


@case
def gc_of_a_deployment(api):
    with Namespace(api) as ns:
        for policy, left in ('Background', 0), ('Orphan', 1):
            api.post(ns.apps('deployments'), workload('Deployment', 'simpletest', {'app': 'gc-test'}, 2))
            eventually(lambda: len(api.get(ns.apps('replicasets'))['items']) == 1)
            path = replicated(api, ns, 'deployments', 'simpletest', 2)
            api.delete(path, deleted(policy))
            eventually(lambda: api.gone(path))
            eventually(lambda: len(api.get(ns.apps('replicasets'))['items']) == left)
        time.sleep(QUIET)
        equal([at(o, 'metadata.ownerReferences') for o in api.get(ns.apps('replicasets'))['items']], [None])


@case
def gc_foreground_keeps_the_controller_until_its_pods_are_gone(api):
    with Namespace(api) as ns:
        held = controller('simpletest.rc', {'name': 'simpletest'}, 3)
        held['spec']['template']['metadata']['finalizers'] = ['example.com/held']
        api.post(ns.core('replicationcontrollers'), held)
        path = replicated(api, ns, 'rc', 'simpletest.rc', 3)
        api.delete(path, deleted('Foreground'))
        pods = eventually(lambda: [ps for ps in [api.get(ns.core('pods'))['items']] if all(p['metadata'].get('deletionTimestamp') for p in ps)])[0]
        equal(len(pods), 3)
        equal(api.get(path)['metadata']['finalizers'], ['foregroundDeletion'])
        for p in pods:
            api.patch(ns.core('pods/' + p['metadata']['name']), {'metadata': {'finalizers': None}})
        eventually(lambda: api.gone(path))
        equal(api.get(ns.core('pods'))['items'], [])


@case
def gc_keeps_what_has_another_valid_owner(api):
    with Namespace(api) as ns:
        for name in 'simpletest-rc-to-be-deleted', 'simpletest-rc-to-stay':
            api.post(ns.core('replicationcontrollers'), controller(name, {'name': name}, 6 if 'deleted' in name else 0))
        first = replicated(api, ns, 'rc', 'simpletest-rc-to-be-deleted', 6)
        stay = api.get(ns.core('replicationcontrollers/simpletest-rc-to-stay'))['metadata']
        pods = api.get(ns.core('pods'))['items']
        for p in pods[:3]:
            ref = {'apiVersion': 'v1', 'kind': 'ReplicationController', 'name': stay['name'], 'uid': stay['uid']}
            api.patch(ns.core('pods/' + p['metadata']['name']), {'metadata': {'ownerReferences': [ref]}}, STRATEGIC)
        api.delete(first, deleted('Foreground'))
        eventually(lambda: api.gone(first))
        left = eventually(lambda: [ps for ps in [api.get(ns.core('pods'))['items']] if len(ps) == 3])[0]
        equal(names(left), names(pods[:3]))
        for p in left:
            equal([r['uid'] for r in p['metadata']['ownerReferences']], [stay['uid']])
            equal(p['metadata'].get('deletionTimestamp'), None)


@case
def gc_is_not_blocked_by_a_circle(api):
    with Namespace(api) as ns:
        uids = {n: api.post(ns.core('pods'), pod(n))['metadata']['uid'] for n in ('pod1', 'pod2', 'pod3')}
        for child, owner in ('pod1', 'pod3'), ('pod2', 'pod1'), ('pod3', 'pod2'):
            api.patch(ns.core('pods/' + child), {'metadata': {'ownerReferences': [
                {'apiVersion': 'v1', 'kind': 'Pod', 'name': owner, 'uid': uids[owner], 'controller': True, 'blockOwnerDeletion': True}]}}, STRATEGIC)
        api.delete(ns.core('pods/pod1'), deleted('Foreground', preconditions={'uid': uids['pod1']}))
        eventually(lambda: api.get(ns.core('pods'))['items'] == [])


# --- quotas -----------------------------------------------------------------------------------------------------------

HARD = {'pods': '5', 'services': '10', 'services.nodeports': '1', 'services.loadbalancers': '1', 'replicationcontrollers': '10',
        'resourcequotas': '1', 'cpu': '1', 'memory': '500Mi', 'configmaps': '10', 'secrets': '10', 'persistentvolumeclaims': '10',
        'requests.storage': '10Gi', 'ephemeral-storage': '50Gi', 'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '10',
        'gold.storageclass.storage.k8s.io/requests.storage': '10Gi', 'count/replicasets.apps': '5', 'requests.example.com/dongle': '3'}


def quota(name, hard=None, **spec):
    return {'metadata': meta(name), 'spec': dict({'hard': hard or HARD}, **spec)}


def used(api, ns, name='test-quota', **want):
    """Waits until the quota says so; _ stands for what no python name has: . - /"""
    def fits():
        got = at(api.get(ns.core('resourcequotas/' + name)), 'status.used') or {}
        return all({k.replace('.', '_').replace('-', '_').replace('/', '_'): v for k, v in got.items()}.get(n) == v for n, v in want.items())
    eventually(fits, said='used %s' % want)


@case
def quota_status_is_calculated(api):
    with Namespace(api) as ns:
        api.post(ns.core('resourcequotas'), quota('test-quota'))
        got = eventually(lambda: [q for q in [api.get(ns.core('resourcequotas/test-quota'))] if at(q, 'status.used')])[0]
        equal(got['status']['hard'], got['spec']['hard'])
        equal(sorted(got['status']['used']), sorted(HARD))
        used(api, ns, resourcequotas='1', pods='0', cpu='0', requests_storage='0', configmaps='1')


@case
def quota_service(api):
    def service(name, kind, **more):
        return {'metadata': meta(name), 'spec': dict({'type': kind, 'ports': [{'port': 80}]}, **more)}
    with Namespace(api) as ns:
        api.post(ns.core('resourcequotas'), quota('test-quota'))
        used(api, ns, services='0')
        api.post(ns.core('services'), service('test-service', 'ClusterIP'))
        api.post(ns.core('services'), service('test-service-np', 'NodePort'))
        has(refused(403, api.post, ns.core('services'), service('test-service-lb', 'LoadBalancer')).message, 'exceeded quota: test-quota')
        refused(403, api.post, ns.core('services'), service('test-service-np2', 'NodePort'))
        used(api, ns, services='2', services_nodeports='1', services_loadbalancers='0')
        api.post(ns.core('services'), service('test-service-lb', 'LoadBalancer', allocateLoadBalancerNodePorts=False))
        used(api, ns, services='3', services_nodeports='1', services_loadbalancers='1')
        for name in 'test-service', 'test-service-np', 'test-service-lb':
            api.delete(ns.core('services/' + name))
        used(api, ns, services='0', services_nodeports='0', services_loadbalancers='0')


@case
def quota_counted_kinds(api):
    with Namespace(api) as ns:
        api.post(ns.core('resourcequotas'), quota('test-quota'))
        used(api, ns, secrets='0', configmaps='1', replicationcontrollers='0', count_replicasets_apps='0')
        api.post(ns.core('secrets'), {'metadata': meta('s'), 'data': {'a': 'Yg=='}})
        api.post(ns.core('configmaps'), configmap('c'))
        api.post(ns.core('replicationcontrollers'), controller('rc', {'a': 'rc'}, 0))
        api.post(ns.apps('replicasets'), workload('ReplicaSet', 'rs', {'a': 'rs'}, 0))
        used(api, ns, secrets='1', configmaps='2', replicationcontrollers='1', count_replicasets_apps='1')
        for path in ns.core('secrets/s'), ns.core('configmaps/c'), ns.core('replicationcontrollers/rc'), ns.apps('replicasets/rs'):
            api.delete(path)
        used(api, ns, secrets='0', configmaps='1', replicationcontrollers='0', count_replicasets_apps='0')


def sized(name, cpu, memory, **more):
    requests = dict({'cpu': cpu, 'memory': memory}, **{k.replace('_', '-').replace('example-com-', 'example.com/'): v for k, v in more.items()})
    limits = {k: v for k, v in requests.items() if '/' in k}
    p = pod(name)
    p['spec']['containers'][0]['resources'] = {'requests': requests, 'limits': limits}
    return p


@case
def quota_pod(api):
    with Namespace(api) as ns:
        api.post(ns.core('resourcequotas'), quota('test-quota'))
        used(api, ns, pods='0')
        api.post(ns.core('pods'), sized('test-pod', '500m', '252Mi', ephemeral_storage='30Gi', example_com_dongle='2'))
        used(api, ns, pods='1', cpu='500m', memory='252Mi', ephemeral_storage='30Gi', requests_example_com_dongle='2')
        has(refused(403, api.post, ns.core('pods'), sized('fail-pod', '600m', '100Mi')).message, 'exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1')
        refused(403, api.post, ns.core('pods'), sized('fail-pod-for-extended-resource', '500m', '100Mi', ephemeral_storage='1Gi', example_com_dongle='2'))
        obj = api.get(ns.core('pods/test-pod'))
        obj['spec']['containers'][0]['resources']['requests'].update(cpu='100m', memory='100Mi')
        refused(422, api.put, ns.core('pods/test-pod'), obj)
        used(api, ns, pods='1', cpu='500m', memory='252Mi')
        api.delete(ns.core('pods/test-pod'))
        used(api, ns, pods='0', cpu='0', memory='0', ephemeral_storage='0', requests_example_com_dongle='0')


@case
def quota_scopes(api):
    with Namespace(api) as ns:
        for name, scope in ('quota-terminating', 'Terminating'), ('quota-not-terminating', 'NotTerminating'):
            api.post(ns.core('resourcequotas'), quota(name, {'pods': '5', 'cpu': '1', 'memory': '500Mi'}, scopes=[scope]))
            used(api, ns, name, pods='0')
        for name, scope in ('quota-besteffort', 'BestEffort'), ('quota-not-besteffort', 'NotBestEffort'):
            api.post(ns.core('resourcequotas'), quota(name, {'pods': '5'}, scopes=[scope]))
            used(api, ns, name, pods='0')
        long = sized('test-pod', '500m', '200Mi')
        api.post(ns.core('pods'), long)
        used(api, ns, 'quota-not-terminating', pods='1', cpu='500m', memory='200Mi')
        used(api, ns, 'quota-terminating', pods='0', cpu='0')
        used(api, ns, 'quota-not-besteffort', pods='1')
        api.delete(ns.core('pods/test-pod'))
        used(api, ns, 'quota-not-terminating', pods='0', cpu='0', memory='0')
        short = sized('terminating-pod', '500m', '200Mi')
        short['spec']['activeDeadlineSeconds'] = 3600
        api.post(ns.core('pods'), short)
        used(api, ns, 'quota-terminating', pods='1', cpu='500m', memory='200Mi')
        used(api, ns, 'quota-not-terminating', pods='0')
        api.delete(ns.core('pods/terminating-pod'))
        used(api, ns, 'quota-terminating', pods='0')
        for name in 'quota-terminating', 'quota-not-terminating':
            api.delete(ns.core('resourcequotas/' + name))
        api.post(ns.core('pods'), pod('best'))
        used(api, ns, 'quota-besteffort', pods='1')
        used(api, ns, 'quota-not-besteffort', pods='0')
        api.delete(ns.core('pods/best'))
        used(api, ns, 'quota-besteffort', pods='0')


@case
def quota_lifecycle(api):
    with Namespace(api) as ns:
        label = random_name('q')
        obj = quota('rq', {'cpu': '1', 'memory': '500Mi'})
        obj['metadata']['labels'] = {'e2e': label}
        api.post(ns.core('resourcequotas'), obj)
        got = api.change(ns.core('resourcequotas/rq'), lambda o: o['spec'].update(hard={'cpu': '2', 'memory': '1Gi'}))
        equal(got['spec']['hard']['memory'], '1Gi')
        equal(names(api.get('/api/v1/resourcequotas', labelSelector='e2e=' + label)['items']), ['rq'])
        got = api.patch(ns.core('resourcequotas/rq'), {'metadata': {'labels': {'rq': 'patched'}}, 'spec': {'hard': {'memory': '750Mi'}}}, STRATEGIC)
        equal((got['metadata']['labels']['rq'], got['spec']['hard']['memory']), ('patched', '750Mi'))
        api.delete(ns.core('resourcequotas'), labelSelector='rq=patched')
        eventually(lambda: api.gone(ns.core('resourcequotas/rq')))


@case
def quota_status_is_patched_and_comes_back(api):
    with Namespace(api) as ns:
        path = ns.core('resourcequotas/rq')
        api.post(ns.core('resourcequotas'), quota('rq', {'cpu': '500m', 'memory': '500Mi'}))
        hard = lambda want: eventually(lambda: at(api.get(path), 'status.hard') == want, said=want)
        hard({'cpu': '500m', 'memory': '500Mi'})
        watch = api.watch(ns.core('resourcequotas'), resourceVersion=api.get(ns.core('resourcequotas'))['metadata']['resourceVersion'])
        obj = api.get(path + '/status')
        obj['status']['hard'] = {'cpu': '50m', 'memory': '50Mi'}
        equal(api.put(path + '/status', obj)['status']['hard']['cpu'], '50m')
        watch.until('MODIFIED', fits=lambda o: o['status']['hard']['cpu'] == '50m')
        watch.until('MODIFIED', fits=lambda o: o['status']['hard'] == {'cpu': '500m', 'memory': '500Mi'})
        api.patch(path, {'spec': {'hard': {'cpu': '1', 'memory': '1Gi'}}}, STRATEGIC)
        hard({'cpu': '1', 'memory': '1Gi'})
        got = api.patch(path + '/status', {'metadata': {'labels': {'a': 'b'}}, 'status': {'hard': {'cpu': '2', 'memory': '2Gi'}}})
        equal(got['status']['hard'], {'cpu': '2', 'memory': '2Gi'})
        equal(got['spec']['hard'], {'cpu': '1', 'memory': '1Gi'})
        hard({'cpu': '1', 'memory': '1Gi'})
        watch.close()


# --- watches, chunks, tables ------------------------------------------------------------------------------------------


@case
def watches_see_what_their_selector_selects(api):
    with Namespace(api) as ns:
        path = ns.core('configmaps')
        a, b, both = (api.watch(path, labelSelector='watch in (%s)' % s) for s in ('A', 'B', 'A,B'))
        api.post(path, configmap('ca', labels={'watch': 'A'}))
        for w in a, both:
            equal(w.until('ADDED')['metadata']['name'], 'ca')
        for n in '1', '2':
            api.change(path + '/ca', lambda o: o.setdefault('data', {}).update(mutation=n))
            for w in a, both:
                equal(w.until('MODIFIED')['data']['mutation'], n)
        api.delete(path + '/ca')
        for w in a, both:
            equal(w.until('DELETED')['data']['mutation'], '2')
        api.post(path, configmap('cb', labels={'watch': 'B'}))
        b.until('ADDED')
        api.delete(path + '/cb')
        b.until('DELETED')
        a.quiet(QUIET)
        for w in a, b, both:
            w.close()


@case
def watches_start_and_restart_where_they_were(api):
    with Namespace(api) as ns:
        path, seen = ns.core('configmaps'), {}
        api.post(path, configmap('c', labels={'w': 'x'}))
        versions = [api.change(path + '/c', lambda o, n=n: o.setdefault('data', {}).update(mutation=n))['metadata']['resourceVersion'] for n in ('1', '2')]
        api.delete(path + '/c')
        watch = api.watch(path, labelSelector='w=x', resourceVersion=versions[0])
        equal(watch.until('MODIFIED')['data']['mutation'], '2')
        watch.until('DELETED')
        watch.close()
        first = api.watch(path, labelSelector='w=x', resourceVersion=watch.seen[-1]['object']['metadata']['resourceVersion'])
        api.post(path, configmap('c', labels={'w': 'x'}))
        first.until('ADDED')
        last = api.change(path + '/c', lambda o: o.setdefault('data', {}).update(mutation='1')) and first.until('MODIFIED')
        first.close()
        api.change(path + '/c', lambda o: o['data'].update(mutation='2'))
        api.delete(path + '/c')
        again = api.watch(path, labelSelector='w=x', resourceVersion=last['metadata']['resourceVersion'])
        equal(again.until('MODIFIED')['data']['mutation'], '2')
        again.until('DELETED')
        again.close()


@case
def a_watch_sees_an_object_go_and_come_by_its_label(api):
    with Namespace(api) as ns:
        path = ns.core('configmaps')
        watch = api.watch(path, labelSelector='w=x')
        api.post(path, configmap('c', labels={'w': 'x'}))
        watch.until('ADDED')
        api.change(path + '/c', lambda o: o.setdefault('data', {}).update(mutation='1'))
        watch.until('MODIFIED')
        api.change(path + '/c', lambda o: o['metadata']['labels'].update(w='y'))
        equal(watch.until('DELETED')['data']['mutation'], '1')
        api.change(path + '/c', lambda o: o['data'].update(mutation='2'))
        watch.quiet(QUIET)
        api.change(path + '/c', lambda o: o['metadata']['labels'].update(w='x'))
        equal(watch.until('ADDED')['data']['mutation'], '2')
        api.change(path + '/c', lambda o: o['data'].update(mutation='3'))
        watch.until('MODIFIED')
        api.delete(path + '/c')
        equal(watch.until('DELETED')['data']['mutation'], '3')
        watch.close()


@case
def concurrent_watches_agree_on_the_order(api):
    with Namespace(api) as ns:
        path, stop = ns.core('configmaps'), threading.Event()

        def churn():
            n = 0
            while not stop.is_set():
                n += 1
                api.post(path, configmap('c%d' % n))
                api.change(path + '/c%d' % n, lambda o: o.setdefault('data', {}).update(mutation='1'))
                api.delete(path + '/c%d' % n)
        version = api.get(path)['metadata']['resourceVersion']
        worker = threading.Thread(target=churn, daemon=True)
        worker.start()
        try:
            first = api.watch(path, resourceVersion=version)
            versions = [version] + [first.next()['object']['metadata']['resourceVersion'] for _ in range(60)]
            others = [api.watch(path, resourceVersion=v) for v in versions[:20]]
            for i, w in enumerate(others):
                for want in versions[i + 1:]:
                    equal(w.next()['object']['metadata']['resourceVersion'], want)
                w.close()
            first.close()
        finally:
            stop.set()
            worker.join()


def templates(api, ns, n):
    for i in range(n):
        api.post(ns.core('podtemplates'), {'metadata': meta('template-%04d' % i), 'template': {'spec': {'containers': [{'name': 'test', 'image': 'test2'}]}}})


@case
def lists_in_chunks(api):
    with Namespace(api) as ns:
        templates(api, ns, 120)
        for limit in 7, 40:
            found, query, version = 0, {'limit': limit}, None
            while True:
                part = api.get(ns.core('podtemplates'), **query)
                version = version or part['metadata']['resourceVersion']
                equal(part['metadata']['resourceVersion'], version)
                equal(names(part['items']), ['template-%04d' % i for i in range(found, found + len(part['items']))])
                found += len(part['items'])
                equal(part['metadata'].get('remainingItemCount'), 120 - found or None)
                if not part['metadata'].get('continue'):
                    break
                query['continue'] = part['metadata']['continue']
            equal(found, 120)
        equal(len(api.get(ns.core('podtemplates'), limit=121)['items']), 120)


@case
def chunks_after_their_time(api):
    with Namespace(api) as ns:
        templates(api, ns, 30)
        first = api.get(ns.core('podtemplates'), limit=10)
        token = json.loads(base64.urlsafe_b64decode(first['metadata']['continue'] + '==='))
        token['at'] -= 600  # as if the first page had been ten minutes ago
        old = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip('=')
        api.post(ns.core('configmaps'), configmap('later'))
        got = refused(410, api.get, ns.core('podtemplates'), **{'limit': 10, 'continue': old})
        equal(got.body['reason'], 'Expired')
        found, token = 10, got.body['metadata']['continue']
        version = None
        while token:
            part = api.get(ns.core('podtemplates'), **{'limit': 10, 'continue': token})
            assert part['metadata']['resourceVersion'] not in ('', first['metadata']['resourceVersion'])
            version = version or part['metadata']['resourceVersion']
            equal(part['metadata']['resourceVersion'], version)
            equal(names(part['items']), ['template-%04d' % i for i in range(found, found + 10)])
            found += 10
            equal(part['metadata'].get('remainingItemCount'), 30 - found or None)
            token = part['metadata'].get('continue')
        equal(found, 30)


@case
def tables_and_406(api):
    review = {'apiVersion': 'authorization.k8s.io/v1', 'kind': 'SelfSubjectAccessReview', 'spec': {'nonResourceAttributes': {'path': '/', 'verb': 'get'}}}
    refused(406, api.call, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, {'Accept': 'application/json;as=Table;v=v1;g=meta.k8s.io'})
    with Namespace(api) as ns:
        templates(api, ns, 5)
        table = {'Accept': 'application/json;as=Table;v=v1beta1;g=meta.k8s.io'}
        got = api.call('GET', ns.core('podtemplates?limit=2'), None, table)
        equal([r['cells'][0] for r in got['rows']], ['template-0000', 'template-0001'])
        equal((got['kind'], got['apiVersion']), ('Table', 'meta.k8s.io/v1beta1'))
        got = api.call('GET', ns.core('podtemplates?continue=' + got['metadata']['continue']), None, table)
        equal(got['rows'][0]['cells'][0], 'template-0002')


run(Api(os.environ['SERVER'], os.environ['PKI']))
