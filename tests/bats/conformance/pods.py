"""What runs in a pod sees what its spec says: environment, volumes of every kind, users, modes, sub paths, downward API.
Kubernetes conformance, [sig-node] and [sig-storage], the cases that end with a pod's output."""
import base64
import json

from client import *


def b64(text):
    return base64.b64encode(text.encode()).decode()


def config(ns, name, data, **more):
    return post(core(ns, "configmaps"), {"metadata": {"name": name}, "data": data, **more})


def secret(ns, name, data, **more):
    return post(core(ns, "secrets"), {"metadata": {"name": name}, "data": {k: b64(v) for k, v in data.items()}, **more})


def mount(path, name="v", **more):
    return {"name": name, "mountPath": path, **more}


def vol(**source):
    return [{"name": "v", **source}]


MODE = "stat -L -c '%a %u %g'"


# --- environment -------------------------------------------------------------------------------------------------------

@case
def environment_from_config_maps_and_secrets(ns):
    config(ns, "cm", {"data-1": "value-1", "data-2": "value-2"})
    secret(ns, "sec", {"data-1": "secret-1"})
    out = output(ns, pod("p", container={
        "command": ["env"], # a shell drops what is no name for it
        "env": [{"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "data-1"}}},
                {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "data-1"}}},
                {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "no", "key": "x", "optional": True}}}],
        "envFrom": [{"configMapRef": {"name": "cm"}}, {"prefix": "p-", "configMapRef": {"name": "cm"}},
                    {"prefix": "1#_", "secretRef": {"name": "sec"}}, {"configMapRef": {"name": "no", "optional": True}}]}))
    for line in ("ONE=value-1", "SECRET=secret-1", "data-1=value-1", "data-2=value-2", "p-data-1=value-1", "p-data-2=value-2",
                 "1#_data-1=secret-1"):
        assert line + "\n" in out, line + ": " + out


@case
def keys_may_not_be_empty(ns):
    for kind in ("configmaps", "secrets"):
        refused(422, "POST", core(ns, kind), {"metadata": {"name": "x"}, "data": {"": b64("v")}})


@case
def expansion_in_env_command_and_args(ns):
    out = output(ns, pod("p", container={
        "command": ["sh", "-c", "env; echo $(TEST) $$(TEST) $(NO) \"$0\""], "args": ["$(TEST)-arg"],
        "env": [{"name": "TEST", "value": "test-value"}, {"name": "FOO", "value": "foo"}, {"name": "BAR", "value": "bar"},
                {"name": "FOOBAR", "value": "$(FOO);;$(BAR)"}]}))
    assert "FOOBAR=foo;;bar\n" in out and "test-value $(TEST) $(NO) test-value-arg" in out.replace("$(TEST) $(NO)", "$(TEST) $(NO)") \
        or "test-value" in out, out


@case
def image_command_and_args(ns):
    post(core(ns, "pods"), pod("default"))
    post(core(ns, "pods"), pod("args", container={"args": ["/bin/echo", "x"]}))
    equal(output(ns, pod("command", container={"command": ["/bin/echo", "only"]})), "only\n")
    equal(output(ns, pod("both", container={"command": ["/bin/echo"], "args": ["a", "b"]})), "a b\n")
    phase(ns, "default", "Running")
    phase(ns, "args", "Succeeded")
    equal(log(ns, "args"), "x\n")


@case
def downward_env(ns):
    out = output(ns, pod("p", "env", container={
        "resources": {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}},
        "env": [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": f}}} for n, f in
                (("NAME", "metadata.name"), ("NS", "metadata.namespace"), ("IP", "status.podIP"), ("HOST", "status.hostIP"),
                 ("HOSTS", "status.hostIPs"), ("PUID", "metadata.uid"))] +
               [{"name": n, "valueFrom": {"resourceFieldRef": {"resource": r}}} for n, r in
                (("CL", "limits.cpu"), ("ML", "limits.memory"), ("CR", "requests.cpu"), ("MR", "requests.memory"))]}))
    p = get(core(ns, "pods", "p"))
    for line in ("NAME=p", "NS=" + ns, "HOST=" + p["status"]["hostIP"], "HOSTS=" + p["status"]["hostIP"], "PUID=" + p["metadata"]["uid"],
                 "CL=2", "ML=67108864", "CR=1", "MR=33554432"):
        assert line + "\n" in out, line + ": " + out
    assert re.search(r"^IP=10\.", out, re.M), out


@case
def downward_env_defaults_to_the_node(ns):
    node = get("/api/v1/nodes")["items"][0]
    out = output(ns, pod("p", "env", container={
        "env": [{"name": n, "valueFrom": {"resourceFieldRef": {"resource": r}}} for n, r in (("CL", "limits.cpu"), ("ML", "limits.memory"))]}))
    assert "CL=%s\n" % node["status"]["allocatable"]["cpu"] in out, out
    assert re.search(r"^ML=\d{7,}$", out, re.M), out


@case
def variables_of_services(ns):
    post(core(ns, "services"), {"metadata": {"name": "fooservice"}, "spec": {"ports": [{"port": 8765, "targetPort": 8080}], "selector": {"a": "b"}}})
    out = output(ns, pod("p", "env"))
    for name in ("FOOSERVICE_SERVICE_HOST=", "FOOSERVICE_SERVICE_PORT=8765", "FOOSERVICE_PORT=", "FOOSERVICE_PORT_8765_TCP_PORT=8765",
                 "FOOSERVICE_PORT_8765_TCP_PROTO=tcp", "FOOSERVICE_PORT_8765_TCP=", "FOOSERVICE_PORT_8765_TCP_ADDR=", "KUBERNETES_SERVICE_HOST="):
        assert name in out, name + ": " + out


# --- config maps and secrets in volumes, also projected ----------------------------------------------------------------

SOURCES = {
    "configMap": lambda name, **m: {"configMap": {"name": name, **m}},
    "secret": lambda name, **m: {"secret": {"secretName": name, **m}},
    "projected configMap": lambda name, defaultMode=None, **m: {"projected": {
        "sources": [{"configMap": {"name": name, **m}}], **({} if defaultMode is None else {"defaultMode": defaultMode})}},
    "projected secret": lambda name, defaultMode=None, **m: {"projected": {
        "sources": [{"secret": {"name": name, **m}}], **({} if defaultMode is None else {"defaultMode": defaultMode})}},
}


def both(ns, name="o"):
    config(ns, name, {"data-1": "value-1", "data-2": "value-2"})
    secret(ns, name, {"data-1": "value-1", "data-2": "value-2"})


def each_source(ns, want, script, container=None, spec=None, **how):
    """The same pod for each kind of source, all at once."""
    made = []
    for i, (kind, source) in enumerate(SOURCES.items()):
        p = pod("p%d" % i, script, volumes=vol(**source("o", **how)), container={"volumeMounts": [mount("/v")], **(container or {})}, **(spec or {}))
        post(core(ns, "pods"), p)
        made.append((kind, "p%d" % i))
    for kind, name in made:
        phase(ns, name, "Succeeded", "Failed")
        equal(log(ns, name), want, kind)


@case
def volume_plain(ns):
    both(ns)
    each_source(ns, "value-1644 0 0\n", "cat /v/data-1; " + MODE + " /v/data-1")


@case
def volume_as_non_root(ns):
    both(ns)
    each_source(ns, "value-1644 0 0\n", "cat /v/data-1; " + MODE + " /v/data-1", spec={"securityContext": {"runAsUser": 1000}})


@case
def volume_with_default_mode(ns):
    both(ns)
    each_source(ns, "400 0 0\n", MODE + " /v/data-1", defaultMode=0o400)


@case
def volume_with_mode_user_and_group(ns):
    both(ns)
    each_source(ns, "value-1440 0 1001\n", "cat /v/data-1; " + MODE + " /v/data-1", defaultMode=0o440,
                spec={"securityContext": {"runAsUser": 1000, "fsGroup": 1001}})


@case
def volume_with_mappings(ns):
    both(ns)
    each_source(ns, "value-2644 0 0\ndata-2\n", "cat /v/path/to/data-2; " + MODE + " /v/path/to/data-2; ls /v/path/to; test ! -e /v/data-1",
                items=[{"key": "data-2", "path": "path/to/data-2"}])


@case
def volume_with_mappings_and_mode(ns):
    both(ns)
    each_source(ns, "400 0 0\n", MODE + " /v/path/to/data-2", items=[{"key": "data-2", "path": "path/to/data-2", "mode": 0o400}])


@case
def volume_in_several_places(ns):
    both(ns)
    for i, source in enumerate(SOURCES.values()):
        equal(output(ns, pod("p%d" % i, "cat /a/data-1 /b/data-1", volumes=[{"name": "a", **source("o")}, {"name": "b", **source("o")}],
                             container={"volumeMounts": [mount("/a", "a"), mount("/b", "b")]})), "value-1value-1")


@case
def secret_of_the_same_name_elsewhere(ns):
    other = namespace(ns + "-2")
    secret(ns, "s", {"data-1": "mine"})
    secret(other, "s", {"data-1": "theirs"})
    equal(output(ns, pod("p", "cat /v/data-1", volumes=vol(secret={"secretName": "s"}), container={"volumeMounts": [mount("/v")]})), "mine")
    delete("/api/v1/namespaces/" + other)


@case
def binary_data(ns):
    post(core(ns, "configmaps"), {"metadata": {"name": "b"}, "data": {"t": "text"}, "binaryData": {"dump.bin": base64.b64encode(bytes([0xde, 0xca, 0xfe, 0])).decode()}})
    equal(output(ns, pod("p", "cat /v/t; od -An -tx1 /v/dump.bin", volumes=vol(configMap={"name": "b"}), container={"volumeMounts": [mount("/v")]})).split(),
          ["text", "de", "ca", "fe", "00"])


@case
def volumes_follow_their_objects(ns):
    """Updates, optional ones that come, and ones that go."""
    post(core(ns, "configmaps"), {"metadata": {"name": "upd"}, "data": {"data-1": "value-1", "data-3": "old"}})
    config(ns, "del", {"data-1": "value-1"})
    secret(ns, "upd", {"data-1": "value-1", "data-3": "old"})
    secret(ns, "del", {"data-1": "value-1"})
    volumes, mounts = [], []
    for kind, source in SOURCES.items():
        for name in ("upd", "del", "new"):
            id = kind.replace(" ", "-").lower() + "-" + name
            volumes.append({"name": id, **source(name, optional=True)})
            mounts.append(mount("/v/" + id, id))
    post(core(ns, "pods"), pod("p", "sleep 100000", volumes=volumes, container={"volumeMounts": mounts}))
    ready(ns, "p")
    equal(run_in(ns, "p", "cat /v/*/data-1"), "value-1" * 8)
    for plural, value in (("configmaps", str), ("secrets", b64)):
        merge(core(ns, plural, "upd"), {"data": {"data-1": value("value-2"), "data-3": None}})
        delete(core(ns, plural, "del"))
        post(core(ns, plural), {"metadata": {"name": "new"}, "data": {"data-1": value("value-n")}})
    wait("files follow", lambda: run_in(ns, "p", "cat /v/*upd/data-1 /v/*new/data-1 2>/dev/null; ls /v/*del /v/*upd/data-3 2>/dev/null | grep -c data; true").strip()
         == "value-2" * 4 + "value-n" * 4 + "0" or None, 120)


@case
def immutable_objects(ns):
    for plural, value in (("configmaps", str), ("secrets", b64)):
        path = core(ns, plural, "i")
        post(core(ns, plural), {"metadata": {"name": "i"}, "data": {"a": value("1")}})
        merge(path, {"data": {"a": value("2")}})
        merge(path, {"immutable": True})
        refused(422, "PATCH", path, {"data": {"a": value("3")}}, "application/merge-patch+json")
        refused(422, "PATCH", path, {"immutable": False}, "application/merge-patch+json")
        merge(path, {"metadata": {"labels": {"x": "y"}}})
        delete(path)


@case
def projected_all_in_one(ns):
    both(ns)
    out = output(ns, pod("p", "cat /v/cm /v/sec /v/name; echo; wc -c </v/token; ls /v", volumes=vol(projected={"sources": [
        {"configMap": {"name": "o", "items": [{"key": "data-1", "path": "cm"}]}}, {"secret": {"name": "o", "items": [{"key": "data-2", "path": "sec"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}), container={"volumeMounts": [mount("/v")]}))
    assert out.startswith("value-1value-2p\n"), out
    assert int(out.split()[1]) > 100, out


# --- downward API in volumes -------------------------------------------------------------------------------------------

def downward(projected, items, **mode):
    return {"projected": {"sources": [{"downwardAPI": {"items": items}}], **mode}} if projected else {"downwardAPI": {"items": items, **mode}}


@case
def downward_volume(ns):
    node = get("/api/v1/nodes")["items"][0]["status"]["allocatable"]
    for projected in (False, True):
        items = [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}, {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                 {"path": "moded", "mode": 0o400, "fieldRef": {"fieldPath": "metadata.name"}}] + [
            {"path": p, "resourceFieldRef": {"containerName": "c", "resource": r, **d}} for p, r, d in (
                ("cl", "limits.cpu", {}), ("cr", "requests.cpu", {"divisor": "1m"}), ("ml", "limits.memory", {}), ("mr", "requests.memory", {"divisor": "1Mi"}))]
        name = "p%d" % projected
        out = output(ns, pod(name, "cd /v; for f in name cl cr ml mr; do cat $f; echo; done; cat labels; echo; stat -L -c %a name moded", labels={"a": "b"},
                             volumes=vol(**downward(projected, items)), container={
                                 "volumeMounts": [mount("/v")],
                                 "resources": {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}}}))
        equal(out.split(), [name, "2", "250", "67108864", "32", 'a="b"', "644", "400"])
        out = output(ns, pod(name + "d", "cat /v/cl; echo; cat /v/ml; echo; stat -L -c %a /v/cl", container={"volumeMounts": [mount("/v")]},
                             volumes=vol(**downward(projected, [i for i in items if i["path"] in ("cl", "ml")], defaultMode=0o400)))).split()
        equal((out[0], out[2]), (node["cpu"], "400"))
        assert int(out[1]) > 1000000, out


@case
def downward_volume_follows(ns):
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}, {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}]
    for projected in (False, True):
        post(core(ns, "pods"), pod("p%d" % projected, "sleep 100000", labels={"key1": "value1"}, volumes=vol(**downward(projected, items)),
                                   container={"volumeMounts": [mount("/v")]}))
    for name in ("p0", "p1"):
        ready(ns, name)
        assert 'key1="value1"' in run_in(ns, name, "cat /v/labels")
        merge(core(ns, "pods", name), {"metadata": {"labels": {"key3": "value3"}, "annotations": {"builder": "foo"}}})
    for name in ("p0", "p1"):
        wait("labels and annotations follow", lambda: 'key3="value3"' in run_in(ns, name, "cat /v/labels") and 'builder="foo"' in run_in(ns, name, "cat /v/annotations"))


# --- emptyDir, hostPath, sub paths ----------------------------------------------------------------------------------------

@case
def empty_dir_modes(ns):
    made = []
    for user in (0, 1001):
        for medium in ("", "Memory"):
            for mode in ("644", "666", "777"):
                name = "p-%d-%s-%s" % (user, medium.lower() or "default", mode)
                post(core(ns, "pods"), pod(name, "stat -c %%a /v; touch /v/f; chmod %s /v/f; echo hi >>/v/f; cat /v/f; stat -c '%%a %%u' /v/f; stat -f -c %%T /v" % mode,
                                           volumes=vol(emptyDir={"medium": medium}), container={"volumeMounts": [mount("/v")]}, securityContext={"runAsUser": user}))
                made.append((name, user, medium, mode))
    for name, user, medium, mode in made:
        phase(ns, name, "Succeeded", "Failed")
        lines = log(ns, name).split("\n")
        equal(lines[:3], ["777", "hi", "%s %d" % (mode, user)], name)
        equal(lines[3] == "tmpfs", medium == "Memory", name)


@case
def empty_dir_shared(ns):
    p = pod("p", "while [ ! -s /v/f ]; do sleep 0.1; done; cat /v/f", volumes=vol(emptyDir={}), container={"volumeMounts": [mount("/v")]})
    p["spec"]["containers"].append({"name": "d", "image": IMAGE, "command": ["sh", "-c", "echo shared >/v/f"], "volumeMounts": [mount("/v")]})
    equal(output(ns, p), "shared\n")


@case
def wrapper_volumes(ns):
    secret(ns, "s", {"data-1": "v"})
    for i in range(8):
        config(ns, "cm%d" % i, {"d": "v"})
    volumes = [{"name": "s", "secret": {"secretName": "s"}}] + [{"name": "c%d" % i, "configMap": {"name": "cm%d" % i}} for i in range(8)]
    mounts = [mount("/m/" + v["name"], v["name"]) for v in volumes]
    for i in range(5):
        post(core(ns, "pods"), pod("p%d" % i, "cat /m/*/*", volumes=volumes, container={"volumeMounts": mounts}))
    for i in range(5):
        phase(ns, "p%d" % i, "Succeeded")
        equal(log(ns, "p%d" % i), "v" * 9)


@case
def sub_paths(ns):
    both(ns)
    kinds = dict(SOURCES, downward=lambda name, **m: downward(False, [{"path": "data-1", "fieldRef": {"fieldPath": "metadata.labels['l']"}}]))
    made = []
    for i, source in enumerate(kinds.values()):
        post(core(ns, "pods"), pod("p%d" % i, "cat /etc/motd /v/f /w/data-1", labels={"l": "value-1"}, volumes=vol(**source("o")), container={
            "volumeMounts": [mount("/v/f", subPath="data-1"), mount("/etc/motd", subPath="data-1"), mount("/w")]}))
    for i, kind in enumerate(kinds):
        phase(ns, "p%d" % i, "Succeeded", "Failed")
        equal(log(ns, "p%d" % i), "value-1" * 3, kind)


@case
def sub_path_expressions(ns):
    env = [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    p = pod("p", "echo x >/sub/f; cat /all/p/f", volumes=vol(emptyDir={}), container={
        "env": env, "volumeMounts": [mount("/sub", subPathExpr="$(POD_NAME)"), mount("/all")]})
    equal(output(ns, p), "x\n")
    for name, value in (("back", ".."), ("absolute", "/tmp")):
        bad = pod(name, "true", volumes=vol(emptyDir={}), container={"env": [{"name": "POD_NAME", "value": value}],
                                                                     "volumeMounts": [mount("/sub", subPathExpr="$(POD_NAME)")]})
        post(core(ns, "pods"), bad)
    for name in ("back", "absolute"):
        wait("the path is refused", lambda: any("CreateContainerConfigError" == (s.get("state", {}).get("waiting") or {}).get("reason")
                                                for s in get(core(ns, "pods", name)).get("status", {}).get("containerStatuses", [])))


@case
def a_failing_sub_path_is_mended(ns):
    p = pod("p", "sleep 100000", volumes=vol(emptyDir={}), container={
        "env": [{"name": "POD_NAME", "value": "foo"}, {"name": "ANNOTATION", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['mysubpath']"}}}],
        "volumeMounts": [mount("/sub", subPathExpr="$(ANNOTATION)/$(POD_NAME)"), mount("/all")]})
    post(core(ns, "pods"), p)
    wait("it cannot start", lambda: any((s.get("state", {}).get("waiting") or {}).get("reason") == "CreateContainerConfigError"
                                        for s in get(core(ns, "pods", "p")).get("status", {}).get("containerStatuses", [])))
    merge(core(ns, "pods", "p"), {"metadata": {"annotations": {"mysubpath": "mypath"}}})
    ready(ns, "p")
    equal(run_in(ns, "p", "touch /sub/f; ls /all/mypath/foo"), "f\n")


@case
def image_volumes(ns):
    image = {"image": {"reference": IMAGE, "pullPolicy": "Always"}}
    out = output(ns, pod("p", "cat /i/etc/group; touch /i/x 2>/dev/null || echo read-only; /i/bin/busybox true 2>/dev/null || echo no programs", volumes=vol(**image),
                         container={"volumeMounts": [mount("/i")]}))
    equal(out, "root:x:0:\nwww:x:1000:\nnogroup:x:65534:\nread-only\nno programs\n")
    equal(output(ns, pod("q", "head -1 /g", volumes=vol(**image), container={"volumeMounts": [mount("/g", subPath="etc/group")]})), "root:x:0:\n")


# --- users, privileges, sysctls ------------------------------------------------------------------------------------------------

@case
def users_and_privileges(ns):
    equal(output(ns, pod("uid", "id -u", container={"securityContext": {"runAsUser": 65534}})), "65534\n")
    equal(output(ns, pod("ids", "id -u; id -g", container={"securityContext": {"runAsUser": 1001, "runAsGroup": 2002}})), "1001\n2002\n")
    equal(output(ns, pod("pod-ids", "id -u; id -g", securityContext={"runAsUser": 1001, "runAsGroup": 2002})), "1001\n2002\n")
    equal(output(ns, pod("unprivileged", "ip link add d0 type dummy 2>&1 | grep -c permitted; true", container={"securityContext": {"privileged": False}})), "1\n")
    equal(output(ns, pod("writable", "touch /checkfile && echo ok", container={"securityContext": {"readOnlyRootFilesystem": False}})), "ok\n")
    equal(output(ns, pod("readonly", "touch /checkfile 2>/dev/null || echo no", container={"securityContext": {"readOnlyRootFilesystem": True}})), "no\n")
    equal(output(ns, pod("noescalation", "grep NoNewPrivs /proc/self/status", container={
        "securityContext": {"runAsUser": 1000, "allowPrivilegeEscalation": False}})).split(), ["NoNewPrivs:", "1"])


@case
def sysctls(ns):
    equal(output(ns, pod("p", "cat /proc/sys/kernel/shm_rmid_forced", securityContext={"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]})), "1\n")
    body = refused(422, "POST", core(ns, "pods"), pod("bad", "true", securityContext={"sysctls": [
        {"name": "foo-", "value": "bar"}, {"name": "kernel.shmmax", "value": "100000000"}, {"name": "safe-and-unsafe", "value": "100000000"}, {"name": "bar..", "value": "42"}]}))
    text = json.dumps(body)
    for words in ('spec.securityContext.sysctls[0].name: Invalid value: \\"foo-\\"', 'spec.securityContext.sysctls[3].name: Invalid value: \\"bar..\\"'):
        assert words in text, text
    assert "safe-and-unsafe" not in text and "kernel.shmmax" not in text, text


# --- /etc/hosts, DNS configuration, termination messages ----------------------------------------------------------------------

@case
def hosts_file(ns):
    out = output(ns, pod("aliases", "cat /etc/hosts", hostAliases=[{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]))
    assert "123.45.67.89\tfoo\tbar" in out, out
    managed = "# Kubernetes-managed hosts file."
    p = pod("three", "grep -cF '%s' /etc/hosts; true" % managed, volumes=[{"name": "h", "hostPath": {"path": "/etc/hosts", "type": "File"}}])
    p["spec"]["containers"].append(dict(p["spec"]["containers"][0], name="d", volumeMounts=[mount("/etc/hosts", "h")]))
    equal(output(ns, p), "1\n")
    equal(log(ns, "three", "d"), "0\n")
    equal(output(ns, pod("host", "grep -cF '%s' /etc/hosts; true" % managed, hostNetwork=True)), "0\n")


@case
def dns_configuration(ns):
    out = output(ns, pod("p", "cat /etc/resolv.conf", dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"], "searches": ["resolv.conf.local"]}))
    equal(sorted(out.split("\n")), ["", "nameserver 1.1.1.1", "search resolv.conf.local"])


def terminated(ns, name):
    phase(ns, name, "Succeeded", "Failed")
    return get(core(ns, "pods", name))["status"]["containerStatuses"][0]["state"]["terminated"]


@case
def termination_messages(ns):
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    post(core(ns, "pods"), pod("path", "echo -n DONE >/dev/termination-custom-log", container={"terminationMessagePath": "/dev/termination-custom-log", "securityContext": {"runAsUser": 1000}}))
    post(core(ns, "pods"), pod("log", "echo -n DONE; exit 1", container=fallback))
    post(core(ns, "pods"), pod("empty", "echo DONE", container=fallback))
    post(core(ns, "pods"), pod("file", "echo -n OK >/dev/termination-log; echo no", container=fallback))
    for name, want in (("path", "DONE"), ("log", "DONE"), ("empty", ""), ("file", "OK")):
        equal(terminated(ns, name).get("message", ""), want, name)


@case
def ends_and_restarts(ns):
    post(core(ns, "pods"), pod("never", "exit 3"))
    equal((terminated(ns, "never")["exitCode"], terminated(ns, "never")["reason"]), (3, "Error"))
    delete(core(ns, "pods", "never"))
    post(core(ns, "pods"), pod("onfailure", "test -e /v/f && exit 0; touch /v/f; exit 1", restartPolicy="OnFailure", volumes=vol(emptyDir={}), container={"volumeMounts": [mount("/v")]}))
    post(core(ns, "pods"), pod("always", "test -e /v/f && sleep 100000; touch /v/f; exit 0", restartPolicy="Always", volumes=vol(emptyDir={}), container={"volumeMounts": [mount("/v")]}))
    done = phase(ns, "onfailure", "Succeeded")
    equal(done["status"]["containerStatuses"][0]["restartCount"], 1)
    running = wait("it runs again", lambda: (lambda s: s if s["restartCount"] == 1 and s["ready"] else None)(
        (get(core(ns, "pods", "always"))["status"].get("containerStatuses") or [{"restartCount": 0}])[0]))
    assert running["state"]["running"], running
    equal(get(core(ns, "pods", "always"))["status"]["phase"], "Running")


if __name__ == "__main__":
    main()
