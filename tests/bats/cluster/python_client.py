"""Drives a cluster through Debian's python3-kubernetes: typed create, read, update, delete, watch, patch, exec, port-forward."""
import sys
import time

from kubernetes import client, config, watch
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


crud()
streams(workload())
core.delete_namespace(NS)
print('done')
sys.exit(0)
