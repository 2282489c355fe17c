"""The scheduler: Kubernetes conformance, [sig-scheduling]. The cases change the node, so they run one after the other."""
from client import *

NODE = "/api/v1/nodes/node1"
FAKE = "example.com~1fakecpu"


def unschedulable(ns, name):
    return wait("%s fits nowhere" % name, lambda: condition(get(core(ns, "pods", name)), "PodScheduled", "reason") == "Unschedulable")


def capacity(value):
    """An extended resource of the node; None takes it away."""
    parts = ("capacity", "allocatable")
    if value is None:
        patch(NODE + "/status", [{"op": "remove", "path": "/status/%s/%s" % (p, FAKE)} for p in parts])
    else:
        merge(NODE + "/status", {"status": {p: {"example.com/fakecpu": value} for p in parts}})


def wants(n, **more):
    amount = {"example.com/fakecpu": str(n)}
    return {"container": {"resources": {"requests": amount, "limits": amount}}, **more}


def priorities(ns):
    for name, value in (("low", 1), ("medium", 100), ("high", 1000)):
        post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": ns + "-" + name}, "value": value})


def forget(ns):
    for name in ("low", "medium", "high"):
        delete("/apis/scheduling.k8s.io/v1/priorityclasses/" + ns + "-" + name)


@case
def resources_of_the_node_are_the_limit(ns):
    capacity("10")
    try:
        post(core(ns, "pods"), pod("a", "sleep 100000", **wants(7)))
        ready(ns, "a")
        post(core(ns, "pods"), pod("b", "sleep 100000", **wants(4)))
        unschedulable(ns, "b")
        delete(core(ns, "pods", "a"))
        ready(ns, "b")
    finally:
        capacity(None)


@case
def node_selectors(ns):
    post(core(ns, "pods"), pod("p", "sleep 100000", nodeSelector={"conformance-select": "x"}))
    unschedulable(ns, "p")
    merge(NODE, {"metadata": {"labels": {"conformance-select": "x"}}})
    ready(ns, "p")
    merge(NODE, {"metadata": {"labels": {"conformance-select": None}}})


@case
def host_ports(ns):
    ports = lambda **p: {"ports": [{"containerPort": 54322, "hostPort": 54322, **p}]}
    post(core(ns, "pods"), pod("any", "sleep 100000", container=ports()))
    ready(ns, "any")
    post(core(ns, "pods"), pod("one", "sleep 100000", container=ports(hostIP="192.168.77.2")))
    unschedulable(ns, "one")
    post(core(ns, "pods"), pod("udp", "sleep 100000", container=ports(protocol="UDP")))
    ready(ns, "udp")


@case
def preemption(ns):
    priorities(ns)
    capacity("10")
    try:
        post(core(ns, "pods"), pod("low", "sleep 100000", priorityClassName=ns + "-low", **wants(6)))
        post(core(ns, "pods"), pod("medium", "sleep 100000", priorityClassName=ns + "-medium", **wants(4)))
        ready(ns, "low"), ready(ns, "medium")
        merge(core(ns, "pods", "low"), {"metadata": {"finalizers": ["example.com/test"]}})
        post(core(ns, "pods"), pod("high", "sleep 100000", priorityClassName=ns + "-high", **wants(6)))
        wait("the less important one goes", lambda: get(core(ns, "pods", "low"))["metadata"].get("deletionTimestamp"))
        equal(condition(get(core(ns, "pods", "low")), "DisruptionTarget", "reason"), "PreemptionByScheduler")
        wait("the node is promised", lambda: get(core(ns, "pods", "high"))["status"].get("nominatedNodeName") == "node1")
        merge(core(ns, "pods", "low"), {"metadata": {"finalizers": None}})
        ready(ns, "high")
        assert not get(core(ns, "pods", "medium"))["metadata"].get("deletionTimestamp")
        critical = pod("critical-" + ns[:8], "sleep 100000", priorityClassName="system-cluster-critical", **wants(4))
        post(core("kube-system", "pods"), critical)
        ready("kube-system", critical["metadata"]["name"])
        assert not there(core(ns, "pods", "medium"))
        delete(core("kube-system", "pods", critical["metadata"]["name"]))
        post(core(ns, "pods"), pod("never", "sleep 100000", priorityClassName=ns + "-low", **wants(9)))
        unschedulable(ns, "never")
        assert not get(core(ns, "pods", "high"))["metadata"].get("deletionTimestamp")
    finally:
        capacity(None)
        forget(ns)


@case
def preemption_of_replica_sets(ns):
    """Who was preempted and is made again does not take the room that was made."""
    priorities(ns)
    capacity("10")
    def rs(name, priority, n, replicas):
        post(group("apps/v1", ns, "replicasets"), {"metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"name": name}},
            "template": template({"name": name}, priorityClassName=ns + "-" + priority, **wants(n))}})
    def count(name):
        return sum(condition(p, "Ready") == "True" and not p["metadata"].get("deletionTimestamp") for p in pods(ns, "name=" + name))
    try:
        rs("one", "low", 1, 5)
        rs("two", "medium", 1, 4)
        wait("both run", lambda: (count("one"), count("two")) == (5, 4))
        rs("three", "high", 3, 2)
        wait("the important ones run", lambda: count("three") == 2)
        wait("the others have what is left", lambda: (count("one"), count("two")) == (0, 4))
    finally:
        capacity(None)
        forget(ns)


@case
def priority_classes(ns):
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    priorities(ns)
    merge(path + "/" + ns + "-low", {"description": "updated"})
    refused(422, "PATCH", path + "/" + ns + "-low", {"value": 7}, "application/merge-patch+json")
    refused(422, "PATCH", path + "/" + ns + "-low", {"globalDefault": True, "value": 8}, "application/merge-patch+json")
    forget(ns)


@case
def limit_ranges(ns):
    path = core(ns, "limitranges")
    post(path, {"metadata": {"name": "l", "labels": {"x": ns}}, "spec": {"limits": [{
        "type": "Container", "min": {"cpu": "50m", "memory": "100Mi"}, "max": {"cpu": "500m", "memory": "500Mi"},
        "default": {"cpu": "500m", "memory": "500Mi"}, "defaultRequest": {"cpu": "100m", "memory": "200Mi"}}]}})
    made = post(core(ns, "pods"), pod("p", "true"))
    equal(made["spec"]["containers"][0]["resources"], {"limits": {"cpu": "500m", "memory": "500Mi"}, "requests": {"cpu": "100m", "memory": "200Mi"}})
    refused(403, "POST", core(ns, "pods"), pod("small", "true", container={"resources": {"requests": {"cpu": "10m", "memory": "50Mi"}}}))
    large = {"cpu": "600m", "memory": "600Mi"}
    refused(403, "POST", core(ns, "pods"), pod("large", "true", container={"resources": {"requests": large, "limits": large}}))
    merge(path + "/l", {"spec": {"limits": [{"type": "Container", "min": {"cpu": "10m", "memory": "50Mi"}}]}})
    post(core(ns, "pods"), pod("small", "true", container={"resources": {"requests": {"cpu": "10m", "memory": "50Mi"}}}))
    equal(len(get("/api/v1/limitranges?labelSelector=x=" + ns)["items"]), 1)
    delete(path + "?labelSelector=x=" + ns)
    wait("it is gone", lambda: not get(path)["items"])


@case
def taints_evict(ns):
    key = "kubernetes.io/e2e-evict-taint-key"
    tolerate = lambda s: [{"key": key, "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": s}]
    post(core(ns, "pods"), pod("soon", "sleep 100000", tolerations=tolerate(1)))
    post(core(ns, "pods"), pod("late", "sleep 100000", tolerations=tolerate(3600)))
    ready(ns, "soon"), ready(ns, "late")
    strategic(NODE, {"spec": {"taints": [{"key": key, "value": "v", "effect": "NoExecute"}]}})
    try:
        wait("one goes", lambda: not there(core(ns, "pods", "soon")))
        assert not get(core(ns, "pods", "late"))["metadata"].get("deletionTimestamp")
    finally:
        merge(NODE, {"spec": {"taints": None}})
    assert not get(core(ns, "pods", "late"))["metadata"].get("deletionTimestamp")


if __name__ == "__main__":
    main(1)
