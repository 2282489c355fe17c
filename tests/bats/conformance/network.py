"""Services, endpoints, names and ways through the proxy subresource. Kubernetes conformance, [sig-network]."""
from client import *

NODE_IP = "192.168.77.2"
DISCOVERY = "discovery.k8s.io/v1"
NETWORK = "networking.k8s.io/v1"


def service(ns, name, **spec):
    return post(core(ns, "services"), {"metadata": {"name": name, "labels": {"svc": name}}, "spec": spec})


def web(ns, name, port=8080, labels=None, **spec):
    """A pod whose server tells the pod's name at /name."""
    command = "mkdir /w; echo -n $(hostname) >/w/name; httpd -f -p %d -h /w" % port
    post(core(ns, "pods"), pod(name, command, restartPolicy="Always", labels=labels or {"app": "web"}, **spec))


def client(ns):
    """A pod that asks. busybox is static and has no resolver of its own that knows search paths: the node's getent has."""
    paths = {"getent": ("/usr/bin/getent", "/usr/bin/getent"), "lib": ("/usr/lib", "/lib"), "lib64": ("/usr/lib64", "/lib64")}
    post(core(ns, "pods"), pod("client", "sleep 100000", volumes=[{"name": n, "hostPath": {"path": p[0]}} for n, p in paths.items()], container={
        "volumeMounts": [{"name": n, "mountPath": p[1], "readOnly": True} for n, p in paths.items()]}))
    ready(ns, "client")


def ask(ns, address, n=1):
    """What n requests from the client pod were answered with; an empty text for each that failed."""
    return run_in(ns, "client", "for i in $(seq %d); do timeout 3 wget -qO- http://%s/name || true; echo; done" % (n, address)).split("\n")[:n]


def answers(ns, address, *names, tries=20):
    wait("%s leads to %s" % (address, names), lambda: set(ask(ns, address, tries)) == set(names), 60)


def resolves(ns, name, want):
    """want: an address or part of the answer."""
    wait("%s resolves to %s" % (name, want), lambda: want in run_in(ns, "client", "timeout 5 getent ahostsv4 %s || true" % name), 60)


def slices(ns, name):
    return get(group(DISCOVERY, ns, "endpointslices") + "?labelSelector=kubernetes.io/service-name=" + name)["items"]


@case
def services_of_each_type(ns):
    client(ns)
    web(ns, "a"), web(ns, "b")
    ready(ns, "a"), ready(ns, "b")
    path = core(ns, "services", "s")
    service(ns, "s", type="ExternalName", externalName="foo.example.com")
    assert not get(path)["spec"].get("clusterIP")
    s = merge(path, {"spec": {"type": "ClusterIP", "externalName": None, "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    answers(ns, s["spec"]["clusterIP"], "a", "b")
    resolves(ns, "s", s["spec"]["clusterIP"])
    s = merge(path, {"spec": {"type": "NodePort"}})
    answers(ns, "%s:%d" % (NODE_IP, s["spec"]["ports"][0]["nodePort"]), "a", "b")
    merge(path, {"spec": {"type": "ClusterIP"}})
    assert not get(path)["spec"]["ports"][0].get("nodePort")
    s = merge(path, {"spec": {"type": "ExternalName", "externalName": "kubernetes.default.svc.cluster.local", "clusterIP": None, "clusterIPs": None, "ports": None}})
    assert not s["spec"].get("clusterIP")
    resolves(ns, "s.%s.svc.cluster.local" % ns, get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"])


@case
def service_affinity(ns):
    client(ns)
    for name in ("a", "b", "c"):
        web(ns, name)
    for name in ("a", "b", "c"):
        ready(ns, name)
    s = service(ns, "s", type="NodePort", selector={"app": "web"}, sessionAffinity="ClientIP", ports=[{"port": 80, "targetPort": 8080}])
    for address in (s["spec"]["clusterIP"], "%s:%d" % (NODE_IP, s["spec"]["ports"][0]["nodePort"])):
        wait("one answers", lambda: (lambda a: len(set(a)) == 1 and a[0])(ask(ns, address, 15)))
        merge(core(ns, "services", "s"), {"spec": {"sessionAffinity": "None"}})
        wait("several answer", lambda: len(set(ask(ns, address, 30))) > 1)
        merge(core(ns, "services", "s"), {"spec": {"sessionAffinity": "ClientIP"}})
        wait("one answers again", lambda: (lambda a: len(set(a)) == 1 and a[0])(ask(ns, address, 15)))


def endpoints_of(ns, name):
    """{port name or number: addresses} by the Endpoints object."""
    return sorted((a["ip"], p["port"]) for s in (there(core(ns, "endpoints", name)) or {}).get("subsets", []) for a in s.get("addresses", []) for p in s.get("ports", []))


def by_slices(ns, name):
    return sorted((a, p["port"]) for s in slices(ns, name) for e in s.get("endpoints", []) if e["conditions"].get("ready") for a in e["addresses"] for p in s.get("ports", []))


@case
def endpoints_follow_pods(ns):
    service(ns, "s", selector={"app": "web"}, ports=[{"name": "one", "port": 80, "targetPort": 8080}, {"name": "two", "port": 81, "targetPort": 8081}])
    web(ns, "a"), web(ns, "b")
    ip = {n: ready(ns, n)["status"]["podIP"] for n in ("a", "b")}
    def are(*names):
        want = sorted((ip[n], p) for n in names for p in (8080, 8081))
        wait("endpoints are %r" % (names,), lambda: endpoints_of(ns, "s") == want and by_slices(ns, "s") == want)
    are("a", "b")
    delete(core(ns, "pods", "a"))
    are("b")
    delete(core(ns, "pods", "b"))
    are()
    delete(core(ns, "services", "s"))
    wait("they are gone", lambda: not there(core(ns, "endpoints", "s")) and not slices(ns, "s"))
    service(ns, "empty", selector={"does": "not-match-any-pods"}, ports=[{"port": 80}])
    wait("empty ones", lambda: there(core(ns, "endpoints", "empty")) and slices(ns, "empty"))
    delete(core(ns, "services", "empty"))
    wait("they are gone", lambda: not there(core(ns, "endpoints", "empty")) and not slices(ns, "empty"))


@case
def endpoints_of_the_server(ns):
    s = get("/api/v1/namespaces/default/services/kubernetes")
    equal([(p["name"], p["port"], p["protocol"]) for p in s["spec"]["ports"]], [("https", 443, "TCP")])
    addresses = [a["ip"] for x in get("/api/v1/namespaces/default/endpoints/kubernetes")["subsets"] for a in x["addresses"]]
    equal(addresses, [a for x in slices("default", "kubernetes") for e in x["endpoints"] for a in e["addresses"]])


@case
def mirrored_endpoints(ns):
    service(ns, "m", ports=[{"port": 80}])
    path = core(ns, "endpoints", "m")
    post(core(ns, "endpoints"), {"metadata": {"name": "m"}, "subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]})
    wait("it is mirrored", lambda: by_slices(ns, "m") == [("10.1.2.3", 80)])
    merge(path, {"subsets": [{"addresses": [{"ip": "10.2.3.4"}], "ports": [{"port": 80}]}]})
    wait("it is mirrored", lambda: by_slices(ns, "m") == [("10.2.3.4", 80)])
    equal(slices(ns, "m")[0]["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"], "endpointslicemirroring-controller.k8s.io")
    delete(path)
    wait("it is gone", lambda: not slices(ns, "m"))


@case
def slices_by_hand(ns):
    client(ns)
    web(ns, "a", 8080), web(ns, "b", 8081)
    ip = {n: ready(ns, n)["status"]["podIP"] for n in ("a", "b")}
    s = service(ns, "s", ports=[{"name": "one", "port": 80, "targetPort": 3000}, {"name": "two", "port": 81, "targetPort": 3001}])
    for name, port, number in (("a", "one", 8080), ("b", "two", 8081)):
        post(group(DISCOVERY, ns, "endpointslices"), {"metadata": {"name": "s-" + name, "labels": {"kubernetes.io/service-name": "s", "endpointslice.kubernetes.io/managed-by": "e2e-test"}},
             "addressType": "IPv4", "endpoints": [{"addresses": [ip[name]]}], "ports": [{"name": port, "port": number, "protocol": "TCP"}]})
    answers(ns, s["spec"]["clusterIP"] + ":80", "a", tries=3)
    answers(ns, s["spec"]["clusterIP"] + ":81", "b", tries=3)


@case
def pods_reach_each_other(ns):
    client(ns)
    web(ns, "a")
    a = ready(ns, "a")["status"]["podIP"]
    equal(ask(ns, a + ":8080"), ["a"])
    post(core(ns, "pods"), pod("host", "sleep 100000", hostNetwork=True))
    ready(ns, "host")
    equal(run_in(ns, "host", "wget -qO- http://%s:8080/name" % a), "a")
    # UDP: busybox has nothing that speaks it, the node's Python does.
    python = {"volumes": [{"name": "root", "hostPath": {"path": "/"}}], "container": {"volumeMounts": [{"name": "root", "mountPath": "/node"}]}}
    run = "chroot /node /usr/bin/python3 -c '%s'"
    server = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"\", 8081))\nwhile True: s.sendto(b\"pong\", s.recvfrom(99)[1])"
    post(core(ns, "pods"), pod("udp", run % server, restartPolicy="Always", **python))
    post(core(ns, "pods"), pod("udp-client", "sleep 100000", **python))
    post(core(ns, "pods"), pod("udp-host", "sleep 100000", hostNetwork=True, **python))
    ready(ns, "udp-client"), ready(ns, "udp-host")
    udp = ready(ns, "udp")["status"]["podIP"]
    ask_udp = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.sendto(b\"ping\", (\"%s\", 8081)); print(s.recvfrom(99)[0])" % udp
    for where in ("udp-client", "udp-host"):
        wait("udp from " + where, lambda: "pong" in run_in(ns, where, run % ask_udp + " || true"))


@case
def names(ns):
    client(ns)
    service(ns, "headless", clusterIP="None", selector={"dns": "yes"}, ports=[{"name": "http", "port": 80, "protocol": "TCP"}])
    s = service(ns, "regular", selector={"dns": "yes"}, ports=[{"name": "http", "port": 80, "protocol": "TCP"}])
    post(core(ns, "pods"), pod("p", "sleep 100000", labels={"dns": "yes"}, hostname="querier", subdomain="headless"))
    ip = ready(ns, "p")["status"]["podIP"]
    resolves(ns, "kubernetes.default", "10.96.0.1")
    resolves(ns, "kubernetes.default.svc.cluster.local", "10.96.0.1")
    for name in ("headless", "headless." + ns, "headless.%s.svc" % ns, "querier.headless.%s.svc.cluster.local" % ns):
        resolves(ns, name, ip)
    for name in ("regular", "regular." + ns, "regular.%s.svc" % ns):
        resolves(ns, name, s["spec"]["clusterIP"])
    for name in ("headless", "regular"):
        wait("SRV of " + name, lambda: name + "." + ns in run_in(ns, "client", "nslookup -type=srv _http._tcp.%s.%s.svc.cluster.local 2>&1 || true" % (name, ns)))
    equal(run_in(ns, "p", "hostname -f").strip(), "querier.headless.%s.svc.cluster.local" % ns)
    assert "querier.headless." in run_in(ns, "p", "cat /etc/hosts")
    service(ns, "ext", type="ExternalName", externalName="foo.example.com")
    wait("an alias", lambda: "foo.example.com" in run_in(ns, "client", "nslookup -type=cname ext.%s.svc.cluster.local 2>&1 || true" % ns))
    merge(core(ns, "services", "ext"), {"spec": {"externalName": "bar.example.com"}})
    wait("another alias", lambda: "bar.example.com" in run_in(ns, "client", "nslookup -type=cname ext.%s.svc.cluster.local 2>&1 || true" % ns))
    e = merge(core(ns, "services", "ext"), {"spec": {"type": "ClusterIP", "externalName": None, "ports": [{"port": 80}]}})
    resolves(ns, "ext", e["spec"]["clusterIP"])


@case
def host_ports(ns):
    ports = lambda **p: {"ports": [{"containerPort": 8080, "hostPort": 54323, **p}]}
    web(ns, "one", container=ports(hostIP="127.0.0.1"))
    web(ns, "two", container=ports(hostIP=NODE_IP))
    post(core(ns, "pods"), pod("three", "sleep 100000", container=ports(hostIP=NODE_IP, protocol="UDP")))
    for name in ("one", "two", "three"):
        ready(ns, name)
    post(core(ns, "pods"), pod("host", "sleep 100000", hostNetwork=True))
    ready(ns, "host")
    for address, want in (("127.0.0.1", "one"), (NODE_IP, "two")):
        wait("host port of " + want, lambda: run_in(ns, "host", "timeout 3 wget -qO- http://%s:54323/name || true" % address) == want)


@case
def proxies(ns):
    script = "mkdir -p /w/cgi-bin; printf '#!/bin/sh\\necho; echo -n \"$REQUEST_METHOD $PATH_INFO\"\\n' >/w/cgi-bin/x; chmod +x /w/cgi-bin/x; httpd -f -p 8080 -h /w"
    post(core(ns, "pods"), pod("a", script, restartPolicy="Always", labels={"app": "proxied"}, container={"ports": [{"name": "dest", "containerPort": 8080}]}))
    ready(ns, "a")
    service(ns, "s", selector={"app": "proxied"}, ports=[{"name": "portname1", "port": 80, "targetPort": "dest"}, {"name": "portname2", "port": 81, "targetPort": 8080}])
    wait("its endpoints", lambda: len(endpoints_of(ns, "s")) == 2)
    for where in ("pods/a:8080", "pods/http:a:8080", "services/s:portname1", "services/http:s:portname2", "services/s:80"):
        for method in ("GET", "POST"):
            status, _, text = raw(method, "/api/v1/namespaces/%s/%s/proxy/cgi-bin/x/some/path" % (ns, where))
            equal((status, text.decode()), (200, method + " /some/path"), where)


@case
def service_status_and_collections(ns):
    s = service(ns, "s", type="LoadBalancer", loadBalancerClass="example.com/none", selector={"a": "b"}, ports=[{"port": 80}])
    path = core(ns, "services", "s", "status")
    equal(merge(path, {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}})["status"]["loadBalancer"]["ingress"][0]["ip"], "203.0.113.1")
    o = get(path)
    o["status"]["conditions"] = [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    equal(put(path, o)["status"]["conditions"][0]["type"], "StatusUpdate")
    assert any(x["metadata"]["uid"] == s["metadata"]["uid"] for x in get("/api/v1/services")["items"])
    service(ns, "t", ports=[{"port": 80}])
    delete(core(ns, "services") + "?labelSelector=svc%20in%20(s,t)")
    wait("they are gone", lambda: not get(core(ns, "services"))["items"])
    e = post(core(ns, "endpoints"), {"metadata": {"name": "e", "labels": {"e": ns}}, "subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}]})
    e["metadata"]["labels"]["x"] = "updated"
    put(core(ns, "endpoints", "e"), e)
    equal(strategic(core(ns, "endpoints", "e"), {"subsets": [{"addresses": [{"ip": "10.0.0.25"}], "ports": [{"name": "http", "port": 8080}]}]})["subsets"][0]["addresses"][0]["ip"], "10.0.0.25")
    delete(core(ns, "endpoints") + "?labelSelector=e=" + ns)
    equal(get(core(ns, "endpoints"))["items"], [])


@case
def service_latency(ns):
    web(ns, "a")
    ready(ns, "a")
    took = []
    for i in range(50):
        begun = time.time()
        service(ns, "s%d" % i, selector={"app": "web"}, ports=[{"port": 80}])
        wait("its endpoints", lambda: (there(core(ns, "endpoints", "s%d" % i)) or {}).get("subsets"))
        took.append(time.time() - begun)
    assert sorted(took)[25] < 20 and sorted(took)[48] < 50, took


def life(ns, path, body, change, status=None):
    """Create, read, list, watch, patch, update and delete, one by one and together."""
    label = "life=" + ns
    body["metadata"]["labels"] = {"life": ns}
    for suffix in ("", "-2", "-3"):
        post(path, dict(body, metadata=dict(body["metadata"], name=body["metadata"]["name"] + suffix)))
    name = path + "/" + body["metadata"]["name"]
    found = get(path + "?labelSelector=" + label)
    equal(len(found["items"]), 3)
    w = watch(path + "?labelSelector=" + label, found["metadata"]["resourceVersion"])
    equal(merge(name, {"metadata": {"annotations": {"patched": "true"}}})["metadata"]["annotations"]["patched"], "true")
    o = get(name)
    o["metadata"]["annotations"]["updated"] = "true"
    change(o)
    equal(put(name, o)["metadata"]["annotations"]["updated"], "true")
    w.saw("MODIFIED", lambda o: o["metadata"].get("annotations", {}).get("updated") == "true")
    if status:
        equal(merge(name + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": status})["status"], status)
        o = get(name)
        o["metadata"]["annotations"]["updatedstatus"] = "true"
        equal(put(name + "/status", o)["metadata"]["annotations"]["updatedstatus"], "true")
    delete(name)
    w.saw("DELETED")
    wait("one is gone", lambda: not there(name))
    delete(path + "?labelSelector=" + label)
    wait("all are gone", lambda: not get(path + "?labelSelector=" + label)["items"])


@case
def network_objects(ns):
    backend = {"service": {"name": "default-backend", "port": {"number": 80}}}
    life(ns, group(NETWORK, ns, "ingresses"), {"metadata": {"name": "i"}, "spec": {"defaultBackend": backend, "rules": [
        {"host": "*.foo.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}},
        lambda o: o["spec"].update(defaultBackend={"service": {"name": "other", "port": {"number": 81}}}), {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}})
    life(ns, "/apis/" + NETWORK + "/ingressclasses", {"metadata": {"name": "c-" + ns}, "spec": {"controller": "example.com/c"}}, lambda o: None)
    life(ns, group(NETWORK, ns, "networkpolicies"), {"metadata": {"name": "p"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
         lambda o: o["spec"].update(ingress=[{}]))
    life(ns, group(DISCOVERY, ns, "endpointslices"), {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": []},
         lambda o: o.update(endpoints=[{"addresses": ["10.0.0.2"]}]))
    cidrs = "/apis/" + NETWORK + "/servicecidrs"
    post(cidrs, {"metadata": {"name": "c-" + ns, "labels": {"life": ns}}, "spec": {"cidrs": ["10.100.200.0/24"]}})
    wait("it is ready", lambda: condition(get(cidrs + "/c-" + ns), "Ready") == "True")
    merge(cidrs + "/c-" + ns + "/status", {"status": {"conditions": [{"type": "patchedstatus", "status": "True", "reason": "E2E", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    delete(cidrs + "?labelSelector=life=" + ns)
    wait("it is gone", lambda: not there(cidrs + "/c-" + ns))
    addresses = "/apis/" + NETWORK + "/ipaddresses"
    parent = {"group": "", "resource": "services", "name": "kubernetes", "namespace": "default"}
    post(addresses, {"metadata": {"name": "10.77.0.1", "labels": {"life": ns}}, "spec": {"parentRef": parent}})
    merge(addresses + "/10.77.0.1", {"metadata": {"annotations": {"patched": "true"}}})
    equal(len(get(addresses + "?labelSelector=life=" + ns)["items"]), 1)
    delete(addresses + "?labelSelector=life=" + ns)
    wait("it is gone", lambda: not there(addresses + "/10.77.0.1"))


if __name__ == "__main__":
    main()
