"""Controllers of workloads: Kubernetes conformance, [sig-apps]."""
from client import *

APPS = "apps/v1"
BATCH = "batch/v1"


def workload(ns, plural, kind, name, labels, replicas=None, api=APPS, command="sleep 100000", spec=None, **more):
    body = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": template(labels, command, **(spec or {})), **more}}
    if replicas is not None:
        body["spec"]["replicas"] = replicas
    return post(group(api, ns, plural), body)


def at(ns, plural, name, api=APPS, sub=None):
    return core(ns, plural, name, sub) if api == "v1" else group(api, ns, plural, name, sub)


def owned(p, uid):
    return any(r["uid"] == uid and r.get("controller") for r in p["metadata"].get("ownerReferences", []))


def running(ns, selector, n):
    def look():
        found = [p for p in pods(ns, selector) if not p["metadata"].get("deletionTimestamp")]
        return found if len(found) == n and all(condition(p, "Ready") == "True" for p in found) else None
    return wait("%d pods of %s are ready" % (n, selector), look)


def scale(ns, plural, name, n, api=APPS):
    path = at(ns, plural, name, api, "scale")
    def write():
        s = get(path)
        s["spec"]["replicas"] = n
        try:
            equal(put(path, s)["spec"].get("replicas", 0), n)
            return True
        except Refused as e:
            if e.status != 409:
                raise
    wait("it is scaled", write)


def status_endpoints(ns, plural, name, api=APPS):
    """Read, patch and update of a status; all is there afterwards."""
    path = at(ns, plural, name, api, "status")
    get(path)
    merge(path, {"status": {"conditions": [{"type": "StatusPatched", "status": "True", "reason": "E2E", "message": "Set by a test"}]}})
    def update():
        o = get(path)
        o["status"].setdefault("conditions", []).append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set by a test"})
        try:
            put(path, o)
            return True
        except Refused as e:
            if e.status != 409:
                raise
    wait("the status is updated", update)
    assert condition(get(at(ns, plural, name, api)), "StatusUpdate") == "True"


def collection(ns, plural, label, api=APPS):
    equal(len(get(("/api/v1/" if api == "v1" else "/apis/" + api + "/") + plural + "?labelSelector=" + label)["items"]), 1)
    path = core(ns, plural) if api == "v1" else group(api, ns, plural)
    delete(path + "?labelSelector=" + label, propagationPolicy="Background")  # jobs and replication controllers would leave their pods
    wait("collection of %s is gone" % plural, lambda: not get(path + "?labelSelector=" + label)["items"])


# --- replication controllers and replica sets -----------------------------------------------------------------------------

def rc(ns, name, labels, replicas, command="sleep 100000"):
    return post(core(ns, "replicationcontrollers"), {"metadata": {"name": name, "labels": labels}, "spec": {
        "replicas": replicas, "selector": labels, "template": template(labels, command)}})


@case
def replication_controller(ns):
    made = rc(ns, "rc", {"name": "rc"}, 1)
    found = running(ns, "name=rc", 1)
    assert owned(found[0], made["metadata"]["uid"])
    scale(ns, "replicationcontrollers", "rc", 2, "v1")
    running(ns, "name=rc", 2)
    wait("status", lambda: get(core(ns, "replicationcontrollers", "rc"))["status"].get("readyReplicas") == 2)
    merge(core(ns, "pods", found[0]["metadata"]["name"]), {"metadata": {"labels": {"name": "other"}}})
    wait("it is let go", lambda: not owned(get(core(ns, "pods", found[0]["metadata"]["name"])), made["metadata"]["uid"]))
    running(ns, "name=rc", 2)
    status_endpoints(ns, "replicationcontrollers", "rc", "v1")
    merge(core(ns, "replicationcontrollers", "rc"), {"metadata": {"labels": {"test": "x"}}})
    collection(ns, "replicationcontrollers", "test=x", "v1")
    wait("its pods go", lambda: not pods(ns, "name=rc"))


@case
def replication_controller_adopts(ns):
    post(core(ns, "pods"), pod("lone", "sleep 100000", labels={"name": "lone"}, restartPolicy="Always"))
    made = rc(ns, "rc", {"name": "lone"}, 1)
    wait("it is adopted", lambda: owned(get(core(ns, "pods", "lone")), made["metadata"]["uid"]))
    equal(len(running(ns, "name=lone", 1)), 1)


@case
def replication_controller_without_quota(ns):
    post(core(ns, "resourcequotas"), {"metadata": {"name": "condition-test"}, "spec": {"hard": {"pods": "2"}}})
    wait("the quota counts", lambda: get(core(ns, "resourcequotas", "condition-test")).get("status", {}).get("hard"))
    rc(ns, "condition-test", {"name": "condition-test"}, 3)
    path = core(ns, "replicationcontrollers", "condition-test")
    wait("its failure is told", lambda: condition(get(path), "ReplicaFailure") == "True")
    equal(condition(get(path), "ReplicaFailure", "reason"), "FailedCreate")
    scale(ns, "replicationcontrollers", "condition-test", 2, "v1")
    wait("its failure is over", lambda: condition(get(path), "ReplicaFailure") is None)


@case
def replica_set(ns):
    made = workload(ns, "replicasets", "ReplicaSet", "rs", {"name": "rs", "pod": "httpd"}, 1, command="httpd -f -p 8080 -h /www")
    found = running(ns, "name=rs", 1)
    ip = found[0]["status"]["podIP"]
    assert "hello from" in output(ns, pod("get", "wget -qO- http://%s:8080/cgi-bin/index.cgi" % ip))
    scale(ns, "replicasets", "rs", 2)
    running(ns, "name=rs", 2)
    strategic(at(ns, "replicasets", "rs", sub="scale"), {"spec": {"replicas": 3}})
    running(ns, "name=rs", 3)
    strategic(at(ns, "replicasets", "rs"), {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 1, "template": {"spec": {"terminationGracePeriodSeconds": 0}}}})
    running(ns, "name=rs", 1)
    status_endpoints(ns, "replicasets", "rs")
    collection(ns, "replicasets", "test-rs=patched")
    assert made


@case
def replica_set_adopts_and_releases(ns):
    post(core(ns, "pods"), pod("lone", "sleep 100000", labels={"name": "lone"}, restartPolicy="Always"))
    made = workload(ns, "replicasets", "ReplicaSet", "rs", {"name": "lone"}, 1)
    wait("it is adopted", lambda: owned(get(core(ns, "pods", "lone")), made["metadata"]["uid"]))
    merge(core(ns, "pods", "lone"), {"metadata": {"labels": {"name": "not-matching"}}})
    wait("it is let go", lambda: not owned(get(core(ns, "pods", "lone")), made["metadata"]["uid"]))
    running(ns, "name=lone", 1)


# --- deployments --------------------------------------------------------------------------------------------------------------

def deployed(ns, name, n):
    def look():
        d = get(at(ns, "deployments", name))
        s = d["status"]
        return d if s.get("observedGeneration") == d["metadata"]["generation"] and s.get("updatedReplicas", 0) == s.get("availableReplicas", 0) == \
            s.get("replicas", 0) == n else None
    return wait("deployment %s has %d" % (name, n), look)


@case
def deployment_rolls_over_and_cleans_up(ns):
    workload(ns, "deployments", "Deployment", "d", {"name": "d"}, 1, revisionHistoryLimit=0, minReadySeconds=1)
    strategic(at(ns, "deployments", "d"), {"spec": {"template": {"metadata": {"annotations": {"n": "1"}}}}})
    strategic(at(ns, "deployments", "d"), {"spec": {"template": {"metadata": {"annotations": {"n": "2"}}}}})
    deployed(ns, "d", 1)
    wait("old replica sets go", lambda: len(get(group(APPS, ns, "replicasets"))["items"]) == 1)
    status_endpoints(ns, "deployments", "d")
    scale(ns, "deployments", "d", 2)
    deployed(ns, "d", 2)
    strategic(at(ns, "deployments", "d", sub="scale"), {"spec": {"replicas": 1}})
    deployed(ns, "d", 1)


@case
def deployment_recreates(ns):
    workload(ns, "deployments", "Deployment", "d", {"name": "d"}, 1, strategy={"type": "Recreate"})
    deployed(ns, "d", 1)
    w = watch(core(ns, "pods"), get(core(ns, "pods"))["metadata"]["resourceVersion"])
    strategic(at(ns, "deployments", "d"), {"spec": {"template": {"metadata": {"annotations": {"n": "1"}}}}})
    deployed(ns, "d", 1)
    w.saw("DELETED")
    old = []
    for e in w.events: # the old pod is at least at its end when the new one comes
        if e["type"] == "ADDED":
            assert old[-1] == "DELETED" or old[-1]["status"]["phase"] in ("Succeeded", "Failed"), old[-1]
            break
        old.append(e["object"] if e["type"] == "MODIFIED" else e["type"])


@case
def deployment_scales_in_proportion(ns):
    workload(ns, "deployments", "Deployment", "d", {"name": "d"}, 10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    deployed(ns, "d", 10)
    strategic(at(ns, "deployments", "d"), {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nowhere.example/none:404"}]}}}})
    def sets(*wanted):
        def look():
            have = sorted((r["spec"]["replicas"] for r in get(group(APPS, ns, "replicasets"))["items"]), reverse=True)
            return have == list(wanted) or None
        return look
    wait("8 old and 5 new", sets(8, 5))
    scale(ns, "deployments", "d", 30)
    wait("20 old and 13 new", sets(20, 13))


# --- daemon sets --------------------------------------------------------------------------------------------------------------

def daemons(ns, name, n):
    def look():
        d = get(at(ns, "daemonsets", name))
        s = d["status"]
        return d if s.get("observedGeneration") == d["metadata"]["generation"] and s["desiredNumberScheduled"] == n and \
            s["currentNumberScheduled"] == n and s["numberReady"] == n and s.get("numberAvailable", 0) == n and s.get("updatedNumberScheduled", 0) == n else None
    return wait("%d daemons of %s" % (n, name), look)


@case
def daemon_set(ns):
    made = workload(ns, "daemonsets", "DaemonSet", "ds", {"daemonset-name": "ds"})
    daemons(ns, "ds", 1)
    first = running(ns, "daemonset-name=ds", 1)[0]
    assert owned(first, made["metadata"]["uid"])
    equal(first["spec"]["nodeName"], "node1")
    delete(core(ns, "pods", first["metadata"]["name"]))
    wait("it is made again", lambda: [p for p in pods(ns, "daemonset-name=ds") if p["metadata"]["name"] != first["metadata"]["name"]])
    second = running(ns, "daemonset-name=ds", 1)[0]
    merge(core(ns, "pods", second["metadata"]["name"], "status"), {"status": {"phase": "Failed"}})
    wait("a failed one is replaced", lambda: not there(core(ns, "pods", second["metadata"]["name"])))
    running(ns, "daemonset-name=ds", 1)
    daemons(ns, "ds", 1)
    status_endpoints(ns, "daemonsets", "ds")
    merge(at(ns, "daemonsets", "ds"), {"metadata": {"labels": {"test": "x"}}})
    collection(ns, "daemonsets", "test=x")
    wait("its pods go", lambda: not pods(ns, "daemonset-name=ds"))


@case
def daemon_set_by_node_label(ns):
    key = "conformance-daemon"
    workload(ns, "daemonsets", "DaemonSet", "ds", {"daemonset-name": "ds"}, spec={"nodeSelector": {key: "blue"}})
    daemons(ns, "ds", 0)
    merge("/api/v1/nodes/node1", {"metadata": {"labels": {key: "blue"}}})
    daemons(ns, "ds", 1)
    merge("/api/v1/nodes/node1", {"metadata": {"labels": {key: "green"}}})
    wait("it goes", lambda: not pods(ns, "daemonset-name=ds"))
    strategic(at(ns, "daemonsets", "ds"), {"spec": {"template": {"spec": {"nodeSelector": {key: "green"}}}, "updateStrategy": {"type": "RollingUpdate"}}})
    daemons(ns, "ds", 1)
    merge("/api/v1/nodes/node1", {"metadata": {"labels": {key: None}}})


@case
def daemon_set_rolls_and_rolls_back(ns):
    workload(ns, "daemonsets", "DaemonSet", "ds", {"daemonset-name": "ds"})
    daemons(ns, "ds", 1)
    old = running(ns, "daemonset-name=ds", 1)[0]
    assert old["metadata"]["labels"]["controller-revision-hash"]
    strategic(at(ns, "daemonsets", "ds"), {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}}}})
    wait("a new pod", lambda: [p for p in pods(ns, "daemonset-name=ds") if p["metadata"]["labels"]["controller-revision-hash"] != old["metadata"]["labels"]["controller-revision-hash"]])
    daemons(ns, "ds", 1)
    revisions = sorted(get(group(APPS, ns, "controllerrevisions"))["items"], key=lambda r: r["revision"])
    equal([r["revision"] for r in revisions], [1, 2])
    strategic(at(ns, "daemonsets", "ds"), {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nowhere.example/none:404"}]}}}})
    wait("a pod cannot start", lambda: [p for p in pods(ns, "daemonset-name=ds") if p["spec"]["containers"][0]["image"] != IMAGE])
    strategic(at(ns, "daemonsets", "ds"), {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": IMAGE}]}}}})
    daemons(ns, "ds", 1)
    numbers = sorted(r["revision"] for r in get(group(APPS, ns, "controllerrevisions"))["items"])
    equal(numbers, [1, 3, 4])


@case
@alone  # a change of the node has the controller look at the set, and then it removes the twin
def controller_revisions(ns):
    path, label = group(APPS, ns, "controllerrevisions"), "?labelSelector=daemonset-name=revised"
    ds = workload(ns, "daemonsets", "DaemonSet", "ds", {"daemonset-name": "revised"})
    daemons(ns, "ds", 1)
    first = get("/apis/apps/v1/controllerrevisions" + label)["items"]
    equal(len(first), 1)
    first = first[0]
    equal(strategic(path + "/" + first["metadata"]["name"], {"metadata": {"labels": {first["metadata"]["name"]: "patched"}}})["metadata"]["labels"][first["metadata"]["name"]], "patched")
    second = post(path, {"metadata": {"name": "ds-77f5c5f6d5", "labels": {"daemonset-name": "revised", "controller-revision-hash": "77f5c5f6d5"},
                                      "ownerReferences": first["metadata"]["ownerReferences"]}, "data": first["data"], "revision": first["revision"] + 1})
    equal(len(get(path + label)["items"]), 2)
    delete(path + "/" + first["metadata"]["name"])
    wait("one is left", lambda: len(get(path + label)["items"]) == 1)
    left = get(path)["items"][0]["metadata"]["name"]
    merge(path + "/" + left, {"metadata": {"labels": {left: "updated"}}})
    strategic(at(ns, "daemonsets", "ds"), {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}})
    wait("two revisions", lambda: len(get(path + label)["items"]) == 2)
    delete(path + "?labelSelector=" + left + "=updated")
    wait("one is left", lambda: len(get(path + label)["items"]) == 1)
    equal(get(path)["items"][0]["revision"], 3)
    assert ds and second


# --- stateful sets ------------------------------------------------------------------------------------------------------------

def stateful(ns, replicas, labels={"foo": "bar"}, **more):
    post(core(ns, "services"), {"metadata": {"name": "test"}, "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 80}]}})
    probe = {"readinessProbe": {"exec": {"command": ["test", "!", "-e", "/tmp/broken"]}, "periodSeconds": 1}}
    return workload(ns, "statefulsets", "StatefulSet", "ss", labels, replicas, spec={"container": probe}, serviceName="test", **more)


def ss_status(ns, **want):
    def look():
        s = get(at(ns, "statefulsets", "ss"))
        have = {k: s["status"].get(k, 0) for k in want}
        return s if have == want and s["status"].get("observedGeneration") == s["metadata"]["generation"] else None
    return wait("stateful set has %r" % want, look)


def revisions_of(ns):
    return {p["metadata"]["name"]: p["metadata"]["labels"]["controller-revision-hash"] for p in pods(ns, "foo=bar")}


@case
def stateful_set_in_order(ns):
    w = watch(core(ns, "pods") + "?labelSelector=foo=bar", get(core(ns, "pods"))["metadata"]["resourceVersion"])
    stateful(ns, 1)
    ss_status(ns, readyReplicas=1)
    run_in(ns, "ss-0", "touch /tmp/broken")
    wait("it is not ready", lambda: condition(get(core(ns, "pods", "ss-0")), "Ready") == "False")
    scale(ns, "statefulsets", "ss", 3)
    ss_status(ns, replicas=1, readyReplicas=0)
    assert not there(core(ns, "pods", "ss-1"))
    run_in(ns, "ss-0", "rm /tmp/broken")
    ss_status(ns, readyReplicas=3)
    run_in(ns, "ss-0", "touch /tmp/broken")
    wait("it is not ready", lambda: condition(get(core(ns, "pods", "ss-0")), "Ready") == "False")
    scale(ns, "statefulsets", "ss", 0)
    ss_status(ns, replicas=3, readyReplicas=2)
    run_in(ns, "ss-0", "rm /tmp/broken")
    ss_status(ns, replicas=0)
    wait("they are gone", lambda: not pods(ns, "foo=bar"))
    order = [(e["type"], e["object"]["metadata"]["name"]) for e in w.events if e["type"] != "MODIFIED"]
    equal(order, [("ADDED", "ss-%d" % i) for i in range(3)] + [("DELETED", "ss-%d" % i) for i in (2, 1, 0)])


@case
def stateful_set_in_parallel(ns):
    stateful(ns, 1, podManagementPolicy="Parallel")
    ss_status(ns, readyReplicas=1)
    run_in(ns, "ss-0", "touch /tmp/broken")
    wait("it is not ready", lambda: condition(get(core(ns, "pods", "ss-0")), "Ready") == "False")
    scale(ns, "statefulsets", "ss", 3)
    ss_status(ns, replicas=3, readyReplicas=2)
    scale(ns, "statefulsets", "ss", 0)
    ss_status(ns, replicas=0)
    strategic(at(ns, "statefulsets", "ss", sub="scale"), {"spec": {"replicas": 2}})
    ss_status(ns, readyReplicas=2)
    p = get(core(ns, "pods", "ss-1"))
    equal((p["spec"]["hostname"], p["spec"]["subdomain"], p["metadata"]["labels"]["apps.kubernetes.io/pod-index"]), ("ss-1", "test", "1"))
    status_endpoints(ns, "statefulsets", "ss")
    merge(at(ns, "statefulsets", "ss"), {"metadata": {"labels": {"test": "x"}}})
    collection(ns, "statefulsets", "test=x")


def change(ns, value, **strategy):
    strategic(at(ns, "statefulsets", "ss"), {"spec": {"template": {"metadata": {"annotations": {"n": value}}}, **strategy}})


@case
def stateful_set_rolls(ns):
    stateful(ns, 3)
    s = ss_status(ns, readyReplicas=3, currentReplicas=3, updatedReplicas=3)
    first = s["status"]["currentRevision"]
    equal(set(revisions_of(ns).values()), {first})
    w = watch(core(ns, "pods") + "?labelSelector=foo=bar", get(core(ns, "pods"))["metadata"]["resourceVersion"])
    change(ns, "1")
    wait("a second revision", lambda: get(at(ns, "statefulsets", "ss"))["status"]["updateRevision"] != first)
    s = ss_status(ns, readyReplicas=3, currentReplicas=3, updatedReplicas=3)
    second = s["status"]["updateRevision"]
    equal((s["status"]["currentRevision"], set(revisions_of(ns).values())), (second, {second}))
    equal([e["object"]["metadata"]["name"] for e in w.events if e["type"] == "DELETED"], ["ss-2", "ss-1", "ss-0"])
    strategic(at(ns, "statefulsets", "ss"), {"spec": {"template": {"metadata": {"annotations": {"n": None}}}}})
    wait("the first revision again", lambda: get(at(ns, "statefulsets", "ss"))["status"]["currentRevision"] == first)
    equal(set(revisions_of(ns).values()), {first})


@case
def stateful_set_by_partition(ns):
    stateful(ns, 3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}})
    first = ss_status(ns, readyReplicas=3)["status"]["currentRevision"]
    change(ns, "1")
    wait("a second revision", lambda: get(at(ns, "statefulsets", "ss"))["status"]["updateRevision"] != first)
    second = get(at(ns, "statefulsets", "ss"))["status"]["updateRevision"]
    equal(set(revisions_of(ns).values()), {first})
    strategic(at(ns, "statefulsets", "ss"), {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}})
    wait("a canary", lambda: revisions_of(ns) == {"ss-0": first, "ss-1": first, "ss-2": second})
    ss_status(ns, readyReplicas=3, currentReplicas=2, updatedReplicas=1)
    for name in ("ss-0", "ss-2"):
        uid = get(core(ns, "pods", name))["metadata"]["uid"]
        delete(core(ns, "pods", name))
        wait("it comes back", lambda: (there(core(ns, "pods", name)) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
    ss_status(ns, readyReplicas=3)
    equal(revisions_of(ns), {"ss-0": first, "ss-1": first, "ss-2": second})
    for partition in (1, 0):
        strategic(at(ns, "statefulsets", "ss"), {"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}})
    wait("all are new", lambda: set(revisions_of(ns).values()) == {second} and len(revisions_of(ns)) == 3)
    equal(ss_status(ns, readyReplicas=3, currentReplicas=3)["status"]["currentRevision"], second)


@case
def stateful_set_recreates_what_the_node_rejects(ns):
    port = [{"containerPort": 21017, "hostPort": 21017}]
    post(core(ns, "pods"), pod("holder", "sleep 100000", nodeName="node1", container={"ports": port}, restartPolicy="Always"))
    ready(ns, "holder")
    w = watch(core(ns, "pods") + "?labelSelector=foo=bar", get(core(ns, "pods"))["metadata"]["resourceVersion"])
    labels = {"foo": "bar"}
    workload(ns, "statefulsets", "StatefulSet", "ss", labels, 1, spec={"nodeName": "node1", "container": {"ports": port}}, serviceName="test")
    w.saw("MODIFIED", lambda p: p["status"].get("phase") == "Failed")
    w.saw("DELETED")
    delete(core(ns, "pods", "holder"))
    ss_status(ns, readyReplicas=1)


# --- jobs -------------------------------------------------------------------------------------------------------------------------

def job(ns, command, parallelism=2, completions=4, restart="Never", name="j", spec=None, **more):
    p = pod("x", command, **(spec or {}))
    p["spec"]["restartPolicy"] = restart
    return post(group(BATCH, ns, "jobs"), {"metadata": {"name": name}, "spec": {
        "parallelism": parallelism, "completions": completions, "template": {"spec": p["spec"]}, **more}})


def job_now(ns, name="j"):
    return get(at(ns, "jobs", name, BATCH))


def finished(ns, kind, reason=None, name="j"):
    j = wait("job is " + kind, lambda: (lambda j: j if condition(j, kind) == "True" else None)(job_now(ns, name)))
    if reason:
        equal(condition(j, kind, "reason"), reason)
        equal(condition(j, {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind], "reason"), reason)
    wait("no pod keeps the finalizer", lambda: not any("batch.kubernetes.io/job-tracking" in p["metadata"].get("finalizers", []) for p in pods(ns)))
    return j


@case
def job_completes_with_local_restarts(ns):
    job(ns, "test -e /v/f && exit 0; touch /v/f; exit 1", restart="OnFailure", spec={"volumes": [{"name": "v", "emptyDir": {}}],
        "container": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}})
    j = finished(ns, "Complete", "CompletionsReached")
    equal((j["status"]["succeeded"], j["status"].get("active", 0), j["status"]["uncountedTerminatedPods"]), (4, 0, {}))
    assert j["status"]["completionTime"]


@case
def job_indexed(ns):
    job(ns, "echo $JOB_COMPLETION_INDEX $(hostname)", completionMode="Indexed")
    equal(finished(ns, "Complete")["status"]["completedIndexes"], "0-3")
    found = {p["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: p["metadata"]["name"] for p in pods(ns)}
    equal(sorted(found), ["0", "1", "2", "3"])
    for index, name in found.items():
        assert name.startswith("j-" + index + "-"), name
        equal(log(ns, name), "%s j-%s\n" % (index, index))


@case
def job_fails_early_by_exit_code(ns):
    job(ns, "exit 42", parallelism=2, backoffLimit=6, podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]})
    finished(ns, "Failed", "PodFailurePolicy")


@case
def job_ignores_evictions(ns):
    job(ns, "sleep 100000", parallelism=1, completions=1, backoffLimit=0,
        podFailurePolicy={"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]})
    first = wait("a pod runs", lambda: [p for p in pods(ns) if condition(p, "Ready") == "True"])[0]["metadata"]["name"]
    post(core(ns, "pods", first, "eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": first}})
    wait("another one runs", lambda: [p for p in pods(ns) if condition(p, "Ready") == "True" and p["metadata"]["name"] != first])
    equal(job_now(ns)["status"].get("failed", 0), 0)


@case
def job_backs_off(ns):
    job(ns, "exit 1", parallelism=1, completions=1, backoffLimit=1)
    equal(finished(ns, "Failed", "BackoffLimitExceeded")["status"]["failed"], 2)


@case
def job_limits_each_index(ns):
    job(ns, "exit $((JOB_COMPLETION_INDEX % 2))", completionMode="Indexed", backoffLimitPerIndex=1)
    j = finished(ns, "Failed", "FailedIndexes")
    equal((j["status"]["completedIndexes"], j["status"]["failedIndexes"], j["status"]["succeeded"], j["status"]["failed"]), ("0,2", "1,3", 2, 4))


@case
def job_limits_failed_indexes(ns):
    job(ns, "test $JOB_COMPLETION_INDEX -gt 1 || exit 1; sleep 100000", completionMode="Indexed", parallelism=10, completions=10, backoffLimitPerIndex=0, maxFailedIndexes=0)
    finished(ns, "Failed", "MaxFailedIndexesExceeded")


@case
def job_fails_an_index_by_exit_code(ns):
    job(ns, "test $((JOB_COMPLETION_INDEX % 2)) = 0 || exit 42", completionMode="Indexed", backoffLimitPerIndex=1,
        podFailurePolicy={"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]})
    j = finished(ns, "Failed", "FailedIndexes")
    equal((j["status"]["failedIndexes"], j["status"]["failed"]), ("1,3", 2))


@case
def job_succeeds_by_policy(ns):
    sleeping = "test $JOB_COMPLETION_INDEX = 0 || sleep 100000"
    for name, rules, completed in (("indexes", [{"succeededIndexes": "0"}], "0"), ("count", [{"succeededCount": 1}], "0")):
        job(ns, sleeping, name=name, completionMode="Indexed", parallelism=2, completions=2, successPolicy={"rules": rules})
    job(ns, "true", name="all", completionMode="Indexed", parallelism=2, completions=2, successPolicy={"rules": [{"succeededIndexes": "0-1"}]})
    for name, completed in (("indexes", "0"), ("count", "0"), ("all", "0,1")):
        equal(finished(ns, "Complete", "SuccessPolicy", name)["status"]["completedIndexes"], completed, name)


@case
def job_lifecycle(ns):
    path = at(ns, "jobs", "j", BATCH)
    job(ns, "sleep 100000", suspend=True)
    wait("it is suspended", lambda: condition(job_now(ns), "Suspended") == "True")
    equal(pods(ns), [])
    merge(path, {"metadata": {"labels": {"e2e": "x"}}, "spec": {"suspend": False}})
    wait("it runs", lambda: job_now(ns)["status"].get("active") == 2 and job_now(ns)["status"].get("ready") == 2)
    equal(condition(job_now(ns), "Suspended"), "False")
    merge(path + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}})
    j = get(path + "/status")
    equal(j["metadata"]["annotations"]["patchedstatus"], "true")
    merge(path, {"spec": {"suspend": True}})
    wait("its pods go", lambda: not pods(ns))
    merge(path, {"spec": {"suspend": False, "parallelism": 1}})
    wait("it runs again", lambda: job_now(ns)["status"].get("active") == 1)
    collection(ns, "jobs", "e2e=x", BATCH)
    wait("its pods go", lambda: not pods(ns))


@case
def job_adopts_and_releases(ns):
    made = job(ns, "sleep 100000")
    uid = made["metadata"]["uid"]
    found = wait("two pods run", lambda: (lambda f: f if len(f) == 2 else None)([p for p in pods(ns) if condition(p, "Ready") == "True"]))
    first = core(ns, "pods", found[0]["metadata"]["name"])
    merge(first, {"metadata": {"ownerReferences": None}})
    wait("it is adopted again", lambda: owned(get(first), uid))
    merge(first, {"metadata": {"labels": None}})
    wait("it is let go", lambda: not owned(get(first), uid))
    wait("another one is made", lambda: len([p for p in pods(ns) if owned(p, uid)]) == 2)
    delete(at(ns, "jobs", "j", BATCH), propagationPolicy="Foreground")
    wait("the job is gone", lambda: not there(at(ns, "jobs", "j", BATCH)))


@case
def job_past_its_deadline(ns):
    job(ns, "sleep 100000", activeDeadlineSeconds=1)
    finished(ns, "Failed", "DeadlineExceeded")
    job(ns, "true", name="short", completions=1, ttlSecondsAfterFinished=1)
    wait("it goes by itself", lambda: not there(at(ns, "jobs", "short", BATCH)))


# --- budgets -------------------------------------------------------------------------------------------------------------------------

@case
def disruption_budgets(ns):
    budgets = group("policy/v1", ns, "poddisruptionbudgets")
    path = budgets + "/b"
    post(budgets, {"metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"foo": "bar"}}}})
    wait("it is observed", lambda: get(path).get("status", {}).get("observedGeneration") == 1)
    merge(path, {"spec": {"minAvailable": 1}})
    equal(get(path)["spec"]["minAvailable"], 1)
    workload(ns, "replicasets", "ReplicaSet", "rs", {"foo": "bar"}, 3)
    running(ns, "foo=bar", 3)
    wait("two may go", lambda: get(path)["status"]["disruptionsAllowed"] == 2 and get(path)["status"]["currentHealthy"] == 3)
    merge(path + "/status", {"metadata": {"annotations": {"x": "y"}}, "status": {"disruptedPods": {}}})
    merge(path, {"spec": {"minAvailable": None, "maxUnavailable": 0}})
    wait("none may go", lambda: get(path)["status"]["disruptionsAllowed"] == 0 and get(path)["status"]["observedGeneration"] == get(path)["metadata"]["generation"])
    name = pods(ns, "foo=bar")[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    refused(429, "POST", core(ns, "pods", name, "eviction"), eviction)
    merge(path, {"spec": {"maxUnavailable": "34%"}})
    wait("two may go", lambda: get(path)["status"]["disruptionsAllowed"] == 2)
    post(core(ns, "pods", name, "eviction"), eviction)
    wait("it goes", lambda: not there(core(ns, "pods", name)))
    delete(budgets)
    wait("budgets are gone", lambda: not get(budgets)["items"])


# --- cron jobs: what takes no minute; the schedule itself is in the unit tests ------------------------------------------------------

def cronjob(ns, name, command="sleep 100000", **more):
    p = pod("x", command)
    p["spec"]["restartPolicy"] = "OnFailure"
    return post(group(BATCH, ns, "cronjobs"), {"metadata": {"name": name, "labels": {"cron": name}}, "spec": {
        "schedule": "@every 1s", "jobTemplate": {"spec": {"template": {"spec": p["spec"]}}}, **more}})


if __name__ == "__main__":
    main()
