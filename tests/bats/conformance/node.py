"""What the node does with a pod over time: probes, hooks, init and ephemeral containers, resizing, deadlines, generations.
Kubernetes conformance, [sig-node], the cases that take more than a pod's output."""
import http.server
import socketserver
import subprocess

from client import *

NODE_IP = "192.168.77.2"
ASKED = []  # (scheme, path, headers) that hooks have asked for


class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ASKED.append((self.server.scheme, self.path, dict(self.headers)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def serve(scheme):
    """A server of the node's network namespace; its port."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Asked)
    server.scheme = scheme
    if scheme == "https":
        with tempfile.TemporaryDirectory() as d:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", d + "/k", "-out", d + "/c", "-days", "2",
                            "-subj", "/CN=hooks"], check=True, stderr=subprocess.DEVNULL)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(d + "/c", d + "/k")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Grpc(socketserver.BaseRequestHandler):
    """HTTP/2 frames of a health service that always serves, whatever is asked."""

    def frame(self, kind, flags, stream, data=b""):
        self.request.sendall(len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data)

    def handle(self):
        f = self.request.makefile("rb")
        f.read(24)
        self.frame(4, 0, 0)
        while True:
            head = f.read(9)
            if len(head) < 9:
                return
            f.read(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == 4 and not flags & 1:
                self.frame(4, 1, 0)
            elif kind == 6 and not flags & 1:
                self.frame(6, 1, 0, bytes(8))
            elif kind == 0 and flags & 1:
                literal = lambda n, v: b"\x00" + bytes([len(n)]) + n + bytes([len(v)]) + v
                self.frame(1, 4, stream, b"\x88" + literal(b"content-type", b"application/grpc"))
                self.frame(0, 0, stream, b"\0\0\0\0\2\x08\1")
                self.frame(1, 5, stream, literal(b"grpc-status", b"0"))


def grpc_server():
    server = socketserver.ThreadingTCPServer(("0.0.0.0", 0), Grpc)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def first_status(ns, name):
    return (get(core(ns, "pods", name)).get("status", {}).get("containerStatuses") or [{"restartCount": 0}])[0]


def restarts(ns, name, n):
    wait("%s was restarted %d times" % (name, n), lambda: first_status(ns, name)["restartCount"] >= n)


def probed(name, command="sleep 100000", **probes):
    return pod(name, command, restartPolicy="Always", container=probes)


FAST = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}
STEADY = {"periodSeconds": 1, "failureThreshold": 20, "timeoutSeconds": 20}  # for what is not to fail on a slow machine


@case
def liveness_probes(ns):
    port = grpc_server()
    web = "mkdir /w; echo ok >/w/healthz; httpd -p 8080 -h /w; %s; sleep 100000"
    bad = {"exec": probed("bad-exec", "touch /tmp/health; sleep 2; rm /tmp/health; sleep 100000",
                          livenessProbe={"exec": {"command": ["cat", "/tmp/health"]}, "initialDelaySeconds": 1, **FAST}),
           "http": probed("bad-http", web % "sleep 2; rm /w/healthz", livenessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 1, **FAST}),
           "grpc": probed("bad-grpc", livenessProbe={"grpc": {"port": 2333}, **FAST})}
    good = {"exec": probed("good-exec", "touch /tmp/health; sleep 100000", livenessProbe={"exec": {"command": ["cat", "/tmp/health"]}, "initialDelaySeconds": 1, **STEADY}),
            "http": probed("good-http", web % "true", livenessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 1, **STEADY}),
            "tcp": probed("good-tcp", web % "true", livenessProbe={"tcpSocket": {"port": 8080}, "initialDelaySeconds": 1, **STEADY}),
            "grpc": probed("good-grpc", livenessProbe={"grpc": {"port": port, "service": "svc"}, **STEADY})}
    good["grpc"]["spec"]["hostNetwork"] = True
    for p in list(bad.values()) + list(good.values()):
        post(core(ns, "pods"), p)
    for p in bad.values():
        restarts(ns, p["metadata"]["name"], 1)
    restarts(ns, "bad-http", 2)
    for p in good.values():
        ready(ns, p["metadata"]["name"])
        equal(first_status(ns, p["metadata"]["name"])["restartCount"], 0)


@case
def readiness_probes(ns):
    post(core(ns, "pods"), probed("late", readinessProbe={"exec": {"command": ["true"]}, "initialDelaySeconds": 3, **FAST}))
    post(core(ns, "pods"), probed("never", readinessProbe={"exec": {"command": ["false"]}, **FAST}))
    s = ready(ns, "late")["status"]
    started = next(c for c in s["containerStatuses"])["state"]["running"]["startedAt"]
    since = condition({"status": s}, "Ready", "lastTransitionTime")
    assert (time.mktime(time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.strptime(started, "%Y-%m-%dT%H:%M:%SZ"))) >= 2, (started, since)
    wait("it runs", lambda: get(core(ns, "pods", "never"))["status"]["phase"] == "Running")
    assert not first_status(ns, "never")["ready"] and first_status(ns, "never")["restartCount"] == 0


def asked(scheme, path):
    wait("%s %s was asked for" % (scheme, path), lambda: any(a[0] == scheme and a[1] == path for a in list(ASKED)))


@case
def lifecycle_hooks(ns):
    ports = {s: serve(s) for s in ("http", "https")}
    for scheme, port in ports.items():
        hook = lambda when: {"httpGet": {"path": "/%s-%s" % (scheme, when), "port": port, "host": NODE_IP, "scheme": scheme.upper()}}
        post(core(ns, "pods"), pod(scheme, "sleep 100000", container={"lifecycle": {"postStart": hook("start"), "preStop": hook("stop")}}))
    run = lambda when: {"exec": {"command": ["sh", "-c", "wget -qO- http://%s:%d/exec-%s" % (NODE_IP, ports["http"], when)]}}
    post(core(ns, "pods"), pod("exec", "sleep 100000", terminationGracePeriodSeconds=15, container={"lifecycle": {"postStart": run("start"), "preStop": run("stop")}}))
    for name in ("http", "https", "exec"):
        ready(ns, name)
        asked("https" if name == "https" else "http", "/%s-start" % name)
        delete(core(ns, "pods", name))
    for name in ("http", "https", "exec"):
        asked("https" if name == "https" else "http", "/%s-stop" % name)
        wait("it is gone", lambda: not there(core(ns, "pods", name)))


@case
def init_containers(ns):
    def with_init(name, policy, commands, main="sleep 100000"):
        p = pod(name, main, restartPolicy=policy)
        p["spec"]["initContainers"] = [{"name": "init%d" % i, "image": IMAGE, "command": ["sh", "-c", c]} for i, c in enumerate(commands)]
        return post(core(ns, "pods"), p)
    with_init("once", "Never", ["true", "true"], "true")
    with_init("always", "Always", ["true", "true"])
    with_init("failing", "Always", ["false", "true"])
    with_init("failed", "Never", ["true", "false"])
    done = phase(ns, "once", "Succeeded")
    equal([s["state"]["terminated"]["exitCode"] for s in done["status"]["initContainerStatuses"]], [0, 0])
    equal(condition(done, "Initialized"), "True")
    equal([s["ready"] for s in ready(ns, "always")["status"]["initContainerStatuses"]], [True, True])
    wait("the first one is tried again", lambda: (get(core(ns, "pods", "failing"))["status"].get("initContainerStatuses") or [{"restartCount": 0}])[0]["restartCount"] >= 1)
    p = get(core(ns, "pods", "failing"))
    equal((p["status"]["phase"], condition(p, "Initialized"), condition(p, "Initialized", "reason")), ("Pending", "False", "ContainersNotInitialized"))
    assert p["status"]["containerStatuses"][0]["state"]["waiting"]
    p = phase(ns, "failed", "Failed")
    equal(condition(p, "Initialized"), "False")


@case
def ephemeral_containers(ns):
    post(core(ns, "pods"), pod("p", "sleep 100000", restartPolicy="Always"))
    ready(ns, "p")
    path = core(ns, "pods", "p", "ephemeralcontainers")
    debugger = lambda name, **more: {"spec": {"ephemeralContainers": [{"name": name, "image": IMAGE, "command": ["sh", "-c", "echo polo; sleep 100000"],
                                                                     "stdin": True, "tty": True, **more}]}}
    def runs(name):
        wait("%s runs" % name, lambda: any(s["name"] == name and s["state"].get("running") for s in get(core(ns, "pods", "p"))["status"].get("ephemeralContainerStatuses", [])))
    strategic(path, debugger("debugger", targetContainerName="c"))
    runs("debugger")
    wait("its log", lambda: "polo" in log(ns, "p", "debugger"))
    equal(run_in(ns, "p", "cat /proc/1/cmdline | tr '\\0' ' '", container="debugger").strip(), "sleep 100000")
    strategic(path, debugger("debugger2"))
    runs("debugger2")
    o = get(path)
    equal(sorted(c["name"] for c in o["spec"]["ephemeralContainers"]), ["debugger", "debugger2"])
    o["spec"]["ephemeralContainers"].append({"name": "debugger3", "image": IMAGE, "command": ["sleep", "100000"]})
    put(path, o)
    runs("debugger3")
    assert condition(get(core(ns, "pods", "p")), "Ready") == "True"
    delete(core(ns, "pods", "p"))
    wait("it is gone", lambda: not there(core(ns, "pods", "p")))


def cgroup(kind, name):
    """A file of the container that reads it: cgroup v2 or v1."""
    return "cat /sys/fs/cgroup/%s 2>/dev/null || cat /sys/fs/cgroup/%s" % {"cpu": ("cpu.max", "cpu/cpu.cfs_quota_us"), "memory": ("memory.max", "memory/memory.limit_in_bytes")}[kind]


@case
def resize(ns):
    amounts = lambda cpu, memory: {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
    for policy in ("NotRequired", "RestartContainer"):
        name = policy.lower()
        p = pod(name, "sleep 100000", restartPolicy="Always", container={"resources": amounts("100m", "32Mi"), "resizePolicy": [
            {"resourceName": "cpu", "restartPolicy": "NotRequired"}, {"resourceName": "memory", "restartPolicy": policy}]})
        p["spec"]["containers"] += [dict(p["spec"]["containers"][0], name="d")]
        post(core(ns, "pods"), p)
    for policy in ("NotRequired", "RestartContainer"):
        name = policy.lower()
        ready(ns, name)
        uid = get(core(ns, "pods", name))["metadata"]["uid"]
        strategic(core(ns, "pods", name, "resize"), {"spec": {"containers": [{"name": "c", "resources": amounts("200m", "64Mi")}, {"name": "d", "resources": amounts("50m", "32Mi")}]}})
        def resized():
            s = get(core(ns, "pods", name))
            return s if condition(s, "Ready") == "True" and [c["resources"] for c in s["status"]["containerStatuses"]] == [amounts("200m", "64Mi"), amounts("50m", "32Mi")] and \
                s["status"]["containerStatuses"][0]["restartCount"] == (policy == "RestartContainer") else None
        s = wait("it is resized", resized)
        assert condition(s, "PodResizePending") is None and condition(s, "PodResizeInProgress") is None
        equal(s["status"]["containerStatuses"][1]["restartCount"], 0)
        equal(s["status"]["containerStatuses"][0]["allocatedResources"], {"cpu": "200m", "memory": "64Mi"})
        for container, quota, limit in (("c", "20000", "67108864"), ("d", "5000", "33554432")):
            def limits():
                paths = []
                for root, dirs, files in os.walk("/sys/fs/cgroup"):
                    if root.endswith("/pods/%s/%s" % (uid, container)):
                        paths += [open(os.path.join(root, f)).read().split()[0] for f in files if f in ("cpu.cfs_quota_us", "cpu.max", "memory.limit_in_bytes", "memory.max")]
                return sorted(set(paths)) == sorted([quota, limit]) or paths
            wait("limits of " + container, lambda: limits() is True)
    refused(422, "PATCH", core(ns, "pods", "notrequired", "resize"), {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}]}},
            "application/strategic-merge-patch+json")


@case
def resize_adds_amounts(ns):
    """Containers of a burstable pod get requests and limits that they had not, also by a whole pod that is put."""
    p = pod("p", "sleep 100000", restartPolicy="Always", container={"resources": {"requests": {"cpu": "10m", "memory": "10Mi"}}})
    p["spec"]["containers"] += [{"name": n, "image": IMAGE, "command": ["sleep", "100000"]} for n in ("d", "e")]
    post(core(ns, "pods"), p)
    ready(ns, "p")
    want = {"c": {"requests": {"cpu": "20m", "memory": "10Mi"}, "limits": {"cpu": "50m", "memory": "60Mi"}},
            "d": {"requests": {"cpu": "10m"}}, "e": {"requests": {"memory": "20Mi"}, "limits": {"memory": "30Mi"}}}
    now = lambda: {c["name"]: c["resources"] for c in get(core(ns, "pods", "p"))["status"]["containerStatuses"]}
    strategic(core(ns, "pods", "p", "resize"), {"spec": {"containers": [{"name": n, "resources": r} for n, r in want.items()]}})
    wait("it is resized", lambda: now() == want)
    def replace():
        o = get(core(ns, "pods", "p", "resize"))
        o["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "30m"
        try:
            return put(core(ns, "pods", "p", "resize"), o)
        except Refused as e:
            assert e.status == 409, e
    wait("it is put", replace)
    want["c"]["requests"]["cpu"] = "30m"
    wait("it is resized again", lambda: now() == want)
    assert all(s["restartCount"] == 0 and s["ready"] for s in get(core(ns, "pods", "p"))["status"]["containerStatuses"])


@case
def deadlines(ns):
    post(core(ns, "pods"), pod("p", "sleep 100000"))
    ready(ns, "p")
    merge(core(ns, "pods", "p"), {"spec": {"activeDeadlineSeconds": 1}})
    equal(phase(ns, "p", "Failed")["status"]["reason"], "DeadlineExceeded")


@case
def generations(ns):
    p = post(core(ns, "pods"), dict(pod("p", "sleep 100000"), **{}))
    equal(p["metadata"]["generation"], 1)
    ready(ns, "p")
    wait("it is observed", lambda: get(core(ns, "pods", "p"))["status"].get("observedGeneration") == 1)
    merge(core(ns, "pods", "p"), {"spec": {"activeDeadlineSeconds": 10000}})
    merge(core(ns, "pods", "p"), {"metadata": {"annotations": {"x": "y"}}})
    equal(get(core(ns, "pods", "p"))["metadata"]["generation"], 2)
    for i in range(200):
        merge(core(ns, "pods", "p"), {"spec": {"activeDeadlineSeconds": 9999 - i}})
    wait("all are observed", lambda: get(core(ns, "pods", "p"))["status"].get("observedGeneration") == 202)
    merge(core(ns, "pods", "p"), {"metadata": {"finalizers": ["example.com/x"]}})
    delete(core(ns, "pods", "p"))
    equal(get(core(ns, "pods", "p"))["metadata"]["generation"], 203)
    merge(core(ns, "pods", "p"), {"metadata": {"finalizers": None}})


@case
def pods_and_their_status(ns):
    p = post(core(ns, "pods"), pod("p", "sleep 100000", labels={"time": "1"}, container={"resources": {
        "requests": {"cpu": "10m", "memory": "10Mi"}, "limits": {"cpu": "10m", "memory": "10Mi"}}}))
    equal(p["status"]["qosClass"], "Guaranteed")
    w = watch(core(ns, "pods"), p["metadata"]["resourceVersion"])
    assert ready(ns, "p")["status"]["hostIP"] == NODE_IP
    merge(core(ns, "pods", "p"), {"metadata": {"labels": {"time": "2"}}})
    merge(core(ns, "pods", "p", "status"), {"status": {"message": "Patched by a test", "reason": "E2E"}})
    equal(len(pods(ns, "time=2")), 1)
    delete(core(ns, "pods") + "?labelSelector=time=2")
    w.saw("DELETED")
    wait("they are gone", lambda: not pods(ns))


@case
def runtime_classes(ns):
    path, name = "/apis/node.k8s.io/v1/runtimeclasses", "rc-" + ns
    refused(403, "POST", core(ns, "pods"), pod("p", "true", runtimeClassName="nonexistent"))
    post(path, {"metadata": {"name": name}, "handler": "knarr", "overhead": {"podFixed": {"cpu": "10m", "memory": "1Mi"}}})
    p = post(core(ns, "pods"), pod("p", "true", runtimeClassName=name))
    equal(p["spec"]["overhead"], {"cpu": "10m", "memory": "1Mi"})
    wait("it is scheduled", lambda: get(core(ns, "pods", "p"))["spec"].get("nodeName"))
    delete(path + "/" + name)
    refused(403, "POST", core(ns, "pods"), pod("q", "true", runtimeClassName=name))


@case
def objects_of_the_node(ns):
    """Templates, leases, nodes: written, listed, deleted."""
    path = core(ns, "podtemplates")
    for name in ("a", "b"):
        post(path, {"metadata": {"name": name, "labels": {"x": ns}}, "template": template({"y": "z"})})
    equal(merge(path + "/a", {"metadata": {"labels": {"podtemplate": "patched"}}})["metadata"]["labels"]["podtemplate"], "patched")
    equal(len(get("/api/v1/podtemplates?labelSelector=x=" + ns)["items"]), 2)
    delete(path + "?labelSelector=x=" + ns)
    equal(get(path)["items"], [])
    path = group("coordination.k8s.io/v1", ns, "leases")
    lease = post(path, {"metadata": {"name": "lease"}, "spec": {"holderIdentity": "holder", "leaseDurationSeconds": 30, "leaseTransitions": 0,
                                                               "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:05.123456Z"}})
    equal(lease["spec"]["renewTime"], "2026-01-01T00:00:05.123456Z")
    lease["spec"]["holderIdentity"] = "holder2"
    equal(put(path + "/lease", lease)["spec"]["holderIdentity"], "holder2")
    delete(path)
    equal(get(path)["items"], [])
    name = "e2e-fake-" + ns
    post("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"unschedulable": True}})
    merge("/api/v1/nodes/" + name, {"metadata": {"labels": {name: "patched"}}})
    equal(len(get("/api/v1/nodes?labelSelector=%s=patched" % name)["items"]), 1)
    delete("/api/v1/nodes/" + name)
    wait("it is gone", lambda: not there("/api/v1/nodes/" + name))


@case
def logs_and_commands(ns):
    post(core(ns, "pods"), pod("p", "echo container is alive; sleep 100000"))
    ready(ns, "p")
    wait("its log", lambda: log(ns, "p") == "container is alive\n")
    assert b"container is alive" in b"".join(frames(core(ns, "pods", "p", "log?container=c"), "binary.k8s.io"))
    equal(execute(ns, "p", "sh", "-c", "echo remote execution test; exit 3"), ("remote execution test\n", 3))


if __name__ == "__main__":
    main()
