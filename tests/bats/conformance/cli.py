#!/usr/bin/env python3
"""What the conformance suite asks of kubectl, with pods that run. usage: cli.py [CASE...], on a machine with a cluster, with SERVER, PKI
and KUBECONFIG"""
import json
import os
import re
import subprocess
import tempfile
import time

from conformance import Api, Namespace, at, case, controller, equal, eventually, has, kubectl, meta, pod, run, workload

SERVE = ['sh', '-c', 'httpd -f -p 6379 -h /www']


def primary(n=1, name='agnhost-primary'):
    labels = {'app': 'agnhost', 'role': 'primary'}
    rc = controller(name, labels, n)
    rc['spec']['template']['spec']['containers'][0].update(name='agnhost-primary', command=SERVE, ports=[{'name': 'agnhost-server', 'containerPort': 6379}])
    return rc


def started(ns, selector, n=1):
    eventually(lambda: kubectl('-n', ns.name, 'get', 'pods', '-l', selector, '--no-headers').count('Running') == n, 60)
    return kubectl('-n', ns.name, 'get', 'pods', '-l', selector, '-o', 'jsonpath={.items[*].metadata.name}').split()


def feed(ns, verb, obj, *more, **options):
    return kubectl('-n', ns.name, verb, '-f', '-', *more, stdin=json.dumps(obj), **options)


@case
def versions_and_cluster_info(api):
    assert 'v1' in kubectl('api-versions').splitlines()
    has(re.sub('\x1b[^m]*m', '', kubectl('cluster-info')), 'Kubernetes control plane is running at')
    has(kubectl('cluster-info', 'dump'), '"kind": "NodeList"')
    got = kubectl('version')
    for part in 'Client Version: ', 'Server Version: ':
        has(got, part)


def describes(args, *parts):
    got, rest = kubectl(*args), None
    rest = got
    for part in parts:
        assert part in rest, '%r is not in, or not in this place of\n%s' % (part, got)
        rest = rest[rest.index(part):]


@case
def describe(api):
    with Namespace(api) as ns:
        feed(ns, 'create', primary())
        feed(ns, 'create', {'apiVersion': 'v1', 'kind': 'Service', 'metadata': meta('agnhost-primary', {'app': 'agnhost', 'role': 'primary'}), 'spec': {
            'selector': {'app': 'agnhost', 'role': 'primary'}, 'ports': [{'port': 6379, 'targetPort': 'agnhost-server'}]}})
        name = started(ns, 'app=agnhost')[0]
        of = lambda *args: ('-n', ns.name, 'describe') + args
        describes(of('pod', name), 'Name:', 'Namespace:', 'Node:', 'Labels:', 'app=agnhost', 'role=primary', 'Annotations:', 'Status:', 'IP:', 'Controlled By:', 'ReplicationController/agnhost-primary',
                  'Image:', 'State:', 'QoS Class:')
        describes(of('rc', 'agnhost-primary'), 'Name:', 'agnhost-primary', 'Namespace:', 'Selector:', 'app=agnhost,role=primary', 'Labels:', 'app=agnhost', 'role=primary', 'Annotations:', 'Replicas:',
                  '1 current', '1 desired', 'Pods Status:', '1 Running', '0 Waiting', '0 Succeeded', '0 Failed', 'Pod Template:', 'Image:', 'Events:', 'SuccessfulCreate')
        describes(of('service', 'agnhost-primary'), 'Name:', 'agnhost-primary', 'Namespace:', 'Labels:', 'app=agnhost', 'Annotations:', 'Selector:', 'app=agnhost,role=primary', 'Type:', 'ClusterIP',
                  'IP:', 'Port:', '<unset>', '6379/TCP', 'TargetPort:', 'agnhost-server/TCP', 'Endpoints:', 'Session Affinity:')
        node = kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}')
        describes(('describe', 'node', node), 'Name:', 'Labels:', 'Annotations:', 'CreationTimestamp:', 'Conditions:', 'Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message',
                  'Addresses:', 'Capacity:', 'Kernel Version:', 'Container Runtime Version:', 'Kubelet Version:')
        describes(('describe', 'namespace', ns.name), 'Name:', ns.name, 'Labels:', 'Annotations:', 'Status:', 'Active')


@case
def diff(api):
    with Namespace(api) as ns:
        httpd = workload('Deployment', 'httpd-deployment', {'app': 'httpd'}, 0)
        feed(ns, 'create', httpd)
        httpd['spec']['template']['spec']['containers'][0]['image'] = 'knarr-demo:2'
        got = subprocess.run(['kubectl', '-n', ns.name, 'diff', '-f', '-'], input=json.dumps(httpd), text=True, capture_output=True)
        equal(got.returncode, 1)
        has(got.stdout, '+        image: knarr-demo:2')
        equal(kubectl('-n', ns.name, 'get', 'deployment', 'httpd-deployment', '-o', 'jsonpath={.spec.template.spec.containers[0].image}'), 'knarr-demo:1')


@case
def expose(api):
    with Namespace(api) as ns:
        feed(ns, 'create', primary())
        started(ns, 'app=agnhost')
        for args, name, port in (('rc', 'agnhost-primary'), 'rm2', 1234), (('service', 'rm2'), 'rm3', 2345):
            kubectl('-n', ns.name, 'expose', *args, '--name=' + name, '--port=%d' % port, '--target-port=6379')
            service = api.get(ns.core('services/' + name))['spec']['ports'][0]
            equal((service['port'], service['targetPort']), (port, 6379))
            eventually(lambda: [p['port'] for s in api.get(ns.core('endpoints/' + name)).get('subsets', []) for p in s['ports']] == [6379])


@case
def label(api):
    with Namespace(api) as ns:
        feed(ns, 'create', pod('pause'))
        row = lambda: kubectl('-n', ns.name, 'get', 'pod', 'pause', '-L', 'testing-label')
        kubectl('-n', ns.name, 'label', 'pods', 'pause', 'testing-label=testing-label-value')
        has(row(), 'testing-label-value')
        kubectl('-n', ns.name, 'label', 'pods', 'pause', 'testing-label-')
        assert 'testing-label-value' not in row()


@case
def patch(api):
    with Namespace(api) as ns:
        feed(ns, 'create', primary())
        name = started(ns, 'app=agnhost')[0]
        kubectl('-n', ns.name, 'patch', 'pod', name, '-p', '{"metadata":{"annotations":{"x":"y"}}}')
        equal(api.get(ns.core('pods/' + name))['metadata']['annotations']['x'], 'y')


@case
def run_replace_dry_run(api):
    with Namespace(api) as ns:
        kubectl('-n', ns.name, 'run', 'e2e-pod', '--restart=Never', '--image=knarr-demo:1')
        got = api.get(ns.core('pods/e2e-pod'))
        equal((got['spec']['containers'][0]['image'], got['spec']['restartPolicy']), ('knarr-demo:1', 'Never'))
        kubectl('-n', ns.name, 'run', 'e2e-replace', '--image=knarr-demo:1', '--labels=run=e2e-replace')
        started(ns, 'run=e2e-replace')
        other = kubectl('-n', ns.name, 'get', 'pod', 'e2e-replace', '-o', 'json').replace('knarr-demo:1', 'docker.io/library/knarr-demo:1')
        kubectl('-n', ns.name, 'patch', 'pod', 'e2e-replace', '-p', '{"spec":{"containers":[{"name":"e2e-replace","image":"docker.io/library/knarr-demo:1"}]}}', '--dry-run=server')
        equal(api.get(ns.core('pods/e2e-replace'))['spec']['containers'][0]['image'], 'knarr-demo:1')
        kubectl('-n', ns.name, 'replace', '-f', '-', stdin=other)
        equal(api.get(ns.core('pods/e2e-replace'))['spec']['containers'][0]['image'], 'docker.io/library/knarr-demo:1')
        kubectl('-n', ns.name, 'delete', 'pod', 'e2e-pod', 'e2e-replace', '--now')


def proxied(*args):
    return subprocess.Popen(['kubectl', 'proxy', *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@case
def proxy(api):
    process = proxied('-p', '0', '--disable-filter')
    try:
        port = re.search(r':(\d+)', process.stdout.readline()).group(1)
        has(subprocess.run(['curl', '-s', 'http://127.0.0.1:%s/api/' % port], capture_output=True, text=True, check=True).stdout, '"APIVersions"')
    finally:
        process.terminate()
        process.wait()
    with tempfile.TemporaryDirectory() as work:
        process = proxied('--unix-socket=%s/test' % work)
        try:
            has(process.stdout.readline(), 'Starting to serve on')
            has(subprocess.run(['curl', '-s', '--unix-socket', work + '/test', 'http://localhost/api/'], capture_output=True, text=True, check=True).stdout, '"APIVersions"')
        finally:
            process.terminate()
            process.wait()


@case
def update_demo(api):
    with Namespace(api) as ns:
        rc = controller('update-demo-nautilus', {'name': 'update-demo', 'version': 'nautilus'}, 2)
        rc['spec']['template']['spec']['containers'][0]['name'] = 'update-demo'
        feed(ns, 'create', rc)

        def up(n):
            found = kubectl('-n', ns.name, 'get', 'pods', '-o', 'template', '--template={{range.items}}{{.metadata.name}} {{end}}', '-l', 'name=update-demo').split()
            running = '{{if (exists . "status" "containerStatuses")}}{{range .status.containerStatuses}}{{if (and (eq .name "update-demo") (exists . "state" "running"))}}true{{end}}{{end}}{{end}}'
            return len(found) == n and all(kubectl('-n', ns.name, 'get', 'pods', p, '-o', 'template', '--template=' + running) == 'true' for p in found)
        eventually(lambda: up(2), 60)
        for n in 1, 2:
            kubectl('-n', ns.name, 'scale', 'rc', 'update-demo-nautilus', '--replicas=%d' % n, '--timeout=5m')
            eventually(lambda: up(n), 60)
        feed(ns, 'delete', rc, '--grace-period=0', '--force')
        eventually(lambda: kubectl('-n', ns.name, 'get', 'rc,svc', '-l', 'name=update-demo', '--no-headers') == '')


@case
def logs(api):
    with Namespace(api) as ns:
        kubectl('-n', ns.name, 'run', 'logs-generator', '--image=knarr-demo:1', '--restart=Never', '--', 'sh', '-c', 'for i in $(seq 100); do echo "line $i /api/v1"; sleep 0.05; done; sleep 1000')
        said = lambda *args: kubectl('-n', ns.name, 'logs', 'logs-generator', *args)
        eventually(lambda: 'Running' in kubectl('-n', ns.name, 'get', 'pod', 'logs-generator', '--no-headers'), 60)
        eventually(lambda: said('logs-generator').count('/api/v1') == 100, 60)
        equal(said('logs-generator', '--tail=1'), 'line 100 /api/v1\n')
        equal(said('--limit-bytes=1'), 'l')
        got = said('--tail=1', '--timestamps')
        assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) line 100', got), got
        equal(said('--since=24h').count('/api/v1'), 100)
        time.sleep(2.5)
        assert said('--since=1s').count('/api/v1') < 100
        kubectl('-n', ns.name, 'delete', 'pod', 'logs-generator', '--now')


TOKENS = '/var/run/secrets/kubernetes.io/serviceaccount/'


@case
def tokens_in_pods(api):
    with Namespace(api) as ns:
        # The account's own, and one projected for an audience, for a group of the file system.
        source = {'serviceAccountToken': {'path': 'token', 'expirationSeconds': 3600, 'audience': 'e2e'}}
        projected = pod('projected', volumes=[{'name': 'v', 'projected': {'sources': [source]}}], securityContext={'runAsUser': 1000, 'fsGroup': 2000})
        projected['spec']['containers'][0]['volumeMounts'] = [{'name': 'v', 'mountPath': '/var/run/secrets/tokens'}]
        feed(ns, 'create', projected)
        eventually(lambda: at(api.get(ns.core('pods/projected')), 'status.phase') == 'Running', 60)
        inside = lambda *args: kubectl('-n', ns.name, 'exec', 'projected', '--', *args)
        review = lambda token, **spec: api.post('/apis/authentication.k8s.io/v1/tokenreviews', {
            'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview', 'spec': dict(spec, token=token)})['status']
        own = review(inside('cat', TOKENS + 'token'))
        equal(own['user']['username'], 'system:serviceaccount:%s:default' % ns.name)
        equal(own['user']['extra']['authentication.kubernetes.io/pod-name'], ['projected'])
        equal(inside('cat', TOKENS + 'namespace'), ns.name)
        equal(inside('cat', TOKENS + 'ca.crt'), api.get(ns.core('configmaps/kube-root-ca.crt'))['data']['ca.crt'])
        equal(review(inside('cat', '/var/run/secrets/tokens/token'), audiences=['e2e'])['authenticated'], True)
        equal(inside('stat', '-Lc', '%a %g', '/var/run/secrets/tokens/token').strip(), '640 2000')
        kubectl('-n', ns.name, 'delete', 'pod', 'projected', '--now')


run(Api(os.environ['SERVER'], os.environ['PKI']))
