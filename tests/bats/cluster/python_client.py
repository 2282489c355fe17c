"""Drives a cluster through Debian's python3-kubernetes: typed create, read, update, delete, pages, watches that resume, patches,
server-side apply, definitions, errors, exec, attach, port-forward, logs."""
import json
import sys
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

config.load_kube_config('/etc/kubernetes/admin.conf')
core, apps, rbac = client.CoreV1Api(), client.AppsV1Api(), client.RbacAuthorizationV1Api()
NS = 'python'


def eventually(seconds, condition):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, condition
        time.sleep(0.2)


def meta(name, **more):
    return client.V1ObjectMeta(name=name, **more)


def crud():
    core.create_namespace(client.V1Namespace(metadata=meta(NS)))
    made = core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta('c'), data={'k': 'v'}))
    assert made.metadata.managed_fields[0].operation == 'Update', made
    made.data['k'] = 'w'
    assert core.replace_namespaced_config_map('c', NS, made).data == {'k': 'w'}
    try:
        core.replace_namespaced_config_map('c', NS, made)  # of the former version
        raise AssertionError('no conflict')
    except ApiException as e:
        assert e.status == 409, e
    assert core.patch_namespaced_config_map('c', NS, {'data': {'l': 'x'}}).data == {'k': 'w', 'l': 'x'}
    assert [m.metadata.name for m in core.list_namespaced_config_map(NS, label_selector='!a').items if m.metadata.name == 'c'] == ['c']
    rbac.create_namespaced_role(NS, client.V1Role(metadata=meta('r'), rules=[
        client.V1PolicyRule(api_groups=[''], resources=['pods'], verbs=['get'])]))
    assert rbac.read_namespaced_role('r', NS).rules[0].verbs == ['get']
    core.delete_namespaced_config_map('c', NS)
    try:
        core.read_namespaced_config_map('c', NS)
        raise AssertionError('still there')
    except ApiException as e:
        assert e.status == 404, e


def refused(status, reason, call, *args, **kwargs):
    """The Status that a call is refused with."""
    try:
        call(*args, **kwargs)
    except ApiException as e:
        body = json.loads(e.body)
        assert (e.status, body['kind'], body['reason'], body['code']) == (status, 'Status', reason, status), e
        return body
    raise AssertionError('no %d %s' % (status, reason))


def errors():
    refused(404, 'NotFound', core.read_namespaced_config_map, 'none', NS)
    core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta('e')))
    exists = refused(409, 'AlreadyExists', core.create_namespaced_config_map, NS, client.V1ConfigMap(metadata=meta('e')))
    assert exists['details'] == {'name': 'e', 'kind': 'configmaps'}, exists
    invalid = refused(422, 'Invalid', core.create_namespaced_config_map, NS, client.V1ConfigMap(metadata=meta('No')))
    assert invalid['details']['causes'][0]['field'] == 'metadata.name', invalid
    refused(400, 'BadRequest', core.create_namespaced_config_map, NS, {'metadata': {'name': 'f'}, 'data': {'k': 1}})


def pages():
    for i in range(5):
        core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta('page%d' % i, labels={'page': 'x'})))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NS, label_selector='page', limit=2, _continue=token)
        names += [m.metadata.name for m in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == ['page%d' % i for i in range(5)], names
    core.delete_collection_namespaced_config_map(NS, label_selector='page')
    assert not core.list_namespaced_config_map(NS, label_selector='page').items


def events(revision, n):
    seen = []
    for e in watch.Watch().stream(core.list_namespaced_config_map, NS, label_selector='watched', resource_version=revision, timeout_seconds=20):
        seen.append((e['type'], e['object'].metadata.name, e['object'].metadata.resource_version))
        if len(seen) == n:
            break
    return seen


def watches():
    """A watch that goes on from the last revision has what happened meanwhile, once."""
    start = core.list_namespaced_config_map(NS).metadata.resource_version
    core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta('w', labels={'watched': ''})))
    core.patch_namespaced_config_map('w', NS, {'data': {'a': 'b'}})
    first = events(start, 2)
    assert [e[0] for e in first] == ['ADDED', 'MODIFIED'], first
    core.delete_namespaced_config_map('w', NS)
    later = events(first[-1][2], 1)
    assert [e[:2] for e in later] == [('DELETED', 'w')], later


def definitions():
    """Definitions and their objects through the dynamic client; server-side apply through it."""
    group = 'python-client.example.com'
    schema = {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {'size': {'type': 'integer', 'minimum': 1}}}}}
    crds = client.ApiextensionsV1Api()
    crds.create_custom_resource_definition({
        'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': {'name': 'parts.' + group},
        'spec': {'group': group, 'scope': 'Namespaced', 'names': {'plural': 'parts', 'kind': 'Part', 'singular': 'part'},
                 'versions': [{'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': schema}}]}})
    eventually(10, lambda: any(c.type == 'Established' and c.status == 'True' for c in crds.read_custom_resource_definition(
        'parts.' + group).status.conditions or []))
    every = dynamic.DynamicClient(client.ApiClient())
    parts = every.resources.get(api_version=group + '/v1', kind='Part')
    part = {'apiVersion': group + '/v1', 'kind': 'Part', 'metadata': {'name': 'p'}, 'spec': {'size': 2}}
    assert parts.create(body=part, namespace=NS).spec.size == 2
    refused(422, 'Invalid', parts.create, body={**part, 'metadata': {'name': 'q'}, 'spec': {'size': 0}}, namespace=NS)
    maps = every.resources.get(api_version='v1', kind='ConfigMap')
    applied = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'applied'}, 'data': {'one': '1'}}
    apply = {'namespace': NS, 'content_type': 'application/apply-patch+yaml'}
    maps.patch(body=json.dumps(applied).encode(), name='applied', field_manager='first', **apply)
    other = json.dumps({**applied, 'data': {'one': '2'}}).encode()
    conflict = refused(409, 'Conflict', maps.patch, body=other, name='applied', field_manager='second', **apply)
    assert conflict['details']['causes'][0]['reason'] == 'FieldManagerConflict', conflict
    managers = maps.patch(body=other, name='applied', field_manager='second', force_conflicts=True, **apply).metadata.managedFields
    assert [(m.manager, m.operation) for m in managers] == [('second', 'Apply')], managers
    crds.delete_custom_resource_definition('parts.' + group)


def patches():
    """Lists are JSON patches, dictionaries strategic ones for this client; the dynamic one sends merge patches."""
    labels = {'app': 'patched'}
    apps.create_namespaced_deployment(NS, client.V1Deployment(metadata=meta('x'), spec=client.V1DeploymentSpec(
        replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[client.V1Container(name='a', image='i')])))))
    d = apps.patch_namespaced_deployment('x', NS, [{'op': 'add', 'path': '/metadata/annotations', 'value': {'by': 'json'}}])
    assert d.metadata.annotations['by'] == 'json', d
    d = apps.patch_namespaced_deployment('x', NS, {'spec': {'template': {'spec': {'containers': [{'name': 'b', 'image': 'j'}]}}}})
    assert sorted(c.name for c in d.spec.template.spec.containers) == ['a', 'b'], d
    merged = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version='apps/v1', kind='Deployment').patch(
        body={'metadata': {'annotations': {'by': None, 'other': 'merge'}}}, name='x', namespace=NS, content_type='application/merge-patch+json')
    assert merged.metadata.annotations.other == 'merge' and not merged.metadata.annotations.by, merged
    refused(422, 'Invalid', apps.patch_namespaced_deployment, 'x', NS, [{'op': 'test', 'path': '/spec/replicas', 'value': 5}])
    apps.delete_namespaced_deployment('x', NS)


def workload():
    labels = {'app': 'p'}
    container = client.V1Container(name='c', image='knarr-demo:1')
    apps.create_namespaced_deployment(NS, client.V1Deployment(metadata=meta('d'), spec=client.V1DeploymentSpec(
        replicas=2, selector=client.V1LabelSelector(match_labels=labels), template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels=labels),
            spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=1)))))
    seen = set()
    for event in watch.Watch().stream(core.list_namespaced_pod, NS, label_selector='app=p', timeout_seconds=40):
        if event['object'].status.phase == 'Running':
            seen.add(event['object'].metadata.name)
        if len(seen) == 2:
            break
    assert len(seen) == 2, seen
    eventually(20, lambda: apps.read_namespaced_deployment_status('d', NS).status.ready_replicas == 2)
    apps.patch_namespaced_deployment_scale('d', NS, {'spec': {'replicas': 1}})
    eventually(20, lambda: len(core.list_namespaced_pod(NS, label_selector='app=p').items) == 1)
    return core.list_namespaced_pod(NS, label_selector='app=p').items[0].metadata.name


def streams(pod):
    out = stream(core.connect_get_namespaced_pod_exec, pod, NS, command=['echo', 'from inside'], stdin=False, stdout=True,
                 stderr=True, tty=False)
    assert out == 'from inside\n', out
    failed = stream(core.connect_get_namespaced_pod_exec, pod, NS, command=['sh', '-c', 'echo no >&2; exit 3'], stderr=True, stdin=False,
                    stdout=True, tty=False, _preload_content=False)
    failed.run_forever(timeout=20)
    assert (failed.returncode, failed.read_stderr()) == (3, 'no\n'), failed.returncode
    fed = stream(core.connect_get_namespaced_pod_exec, pod, NS, command=['sh', '-c', 'read l; echo "got $l"; test -t 0 && echo terminal'],
                 stdin=True, stdout=True, stderr=True, tty=True, _preload_content=False)
    fed.write_stdin('a line\n')
    fed.run_forever(timeout=20)
    text = fed.read_stdout()
    assert 'got a line\r\n' in text and 'terminal\r\n' in text and fed.returncode == 0, text
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, pod, NS, ports='8080')
    sock = forwarded.socket(8080)
    sock.setblocking(True)
    sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
    answer = b''
    while True:
        piece = sock.recv(4096)
        if not piece:
            break
        answer += piece
    assert ('hello from ' + pod).encode() in answer, answer
    assert core.read_namespaced_pod_log(pod, NS) is not None


def attached():
    """Standard input of a running container, and what it logs, followed."""
    core.create_namespaced_pod(NS, {'metadata': {'name': 'echo'}, 'spec': {'terminationGracePeriodSeconds': 0, 'containers': [
        {'name': 'c', 'image': 'knarr-demo:1', 'stdin': True, 'command': ['sh', '-c', 'while read l; do echo "said $l"; done']}]}})
    eventually(30, lambda: core.read_namespaced_pod_status('echo', NS).status.phase == 'Running')
    session = stream(core.connect_get_namespaced_pod_attach, 'echo', NS, stdin=True, stdout=True, stderr=False, tty=False, _preload_content=False)
    session.write_stdin('one\n')
    assert session.readline_stdout(timeout=20) == 'said one'
    log = core.read_namespaced_pod_log('echo', NS, follow=True, _preload_content=False)
    lines = iter(log)
    assert next(lines) == b'said one\n'
    session.write_stdin('two\n')
    assert next(lines) == b'said two\n'
    log.close()
    session.close()


for part in crud, errors, pages, watches, definitions, patches, attached:
    part()
    print(part.__name__)
streams(workload())
core.delete_namespace(NS)
print('done')
sys.exit(0)
