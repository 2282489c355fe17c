"""A small client of the API for the conformance cases: requests as admin.conf's user, waiting, and a table of cases that run side by
side. Run inside the test's host."""
import base64
import http.client
import json
import os
import re
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

IMAGE = "knarr-demo:1"
WAIT = 90
CASES = []


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__("%d %s" % (status, json.dumps(body)[:600] if isinstance(body, dict) else body[:600]))
        self.status = status
        self.body = body


def _kubeconfig():
    text = open("/etc/kubernetes/admin.conf").read()
    def field(name):
        return re.search(name + r':\s*"?([^"\s]+)', text).group(1)
    def data(name):
        found = re.search(name + r'-data:\s*"?([^"\s]+)', text)
        return base64.b64decode(found.group(1)) if found else open(field(name), "rb").read()
    context = ssl.create_default_context(cadata=data("certificate-authority").decode())
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(data("client-certificate") + b"\n" + data("client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    host, port = re.match(r"https://\[?([^\]/]+?)\]?:(\d+)", field("server")).groups()
    return context, host, int(port)


CONTEXT, HOST, PORT = _kubeconfig()
_local = threading.local()


def raw(method, path, body=None, kind="application/json", headers=None):
    """One request: (status, headers, bytes)."""
    for attempt in range(3):
        c = getattr(_local, "connection", None)
        if c is None:
            c = _local.connection = http.client.HTTPSConnection(HOST, PORT, context=CONTEXT, timeout=60)
        try:
            c.request(method, path, body, dict({"Content-Type": kind, "Accept": "application/json"}, **(headers or {})))
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        except (http.client.HTTPException, OSError):
            c.close()
            _local.connection = None
            if attempt == 2:
                raise


def call(method, path, body=None, kind="application/json"):
    status, _, text = raw(method, path, None if body is None else json.dumps(body), kind)
    try:
        value = json.loads(text)
    except ValueError:
        value = text.decode(errors="replace")
    if status >= 300:
        raise Refused(status, value)
    return value


def get(path): return call("GET", path)
def post(path, body): return call("POST", path, body)
def put(path, body): return call("PUT", path, body)
def delete(path, **options): return call("DELETE", path, options or None)
def merge(path, body): return call("PATCH", path, body, "application/merge-patch+json")
def strategic(path, body): return call("PATCH", path, body, "application/strategic-merge-patch+json")
def patch(path, body): return call("PATCH", path, body, "application/json-patch+json")


def there(path):
    try:
        return get(path)
    except Refused as e:
        if e.status == 404:
            return None
        raise


def refused(status, method, path, body=None, kind="application/json", words=""):
    try:
        call(method, path, body, kind)
    except Refused as e:
        assert e.status == status, "%s %s: %s" % (method, path, e)
        assert words in json.dumps(e.body), "%r is not in %s" % (words, e)
        return e.body
    raise AssertionError("%s %s was not refused" % (method, path))


def wait(what, fn, seconds=WAIT):
    """Until fn() is true; what it says last is in the failure."""
    end = time.time() + seconds
    value = None
    while time.time() < end:
        value = fn()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("not within %d s: %s (%.900s)" % (seconds, what, json.dumps(value, default=str)))


def equal(have, want, what=""):
    assert have == want, "%s: %r, not %r" % (what, have, want)


def core(ns, plural, name=None, sub=None):
    return "/api/v1/namespaces/%s/%s" % (ns, plural) + ("/" + name if name else "") + ("/" + sub if sub else "")


def group(api, ns, plural, name=None, sub=None):
    return "/apis/%s/namespaces/%s/%s" % (api, ns, plural) + ("/" + name if name else "") + ("/" + sub if sub else "")


def pod(name, *command, **spec):
    """A pod with one busybox container "c" that runs a shell command; keyword "container" is merged into that."""
    container = {"name": "c", "image": IMAGE, **spec.pop("container", {})}
    if command:
        container["command"] = ["sh", "-c", *command]
    labels = spec.pop("labels", {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec}}


def template(labels, *command, **spec):
    p = pod("x", *(command or ("sleep 100000",)), labels=labels, **spec)
    p["spec"].pop("restartPolicy")
    return {"metadata": {"labels": labels}, "spec": p["spec"]}


def log(ns, name, container="c", **query):
    q = "".join("&%s=%s" % kv for kv in query.items())
    status, _, text = raw("GET", core(ns, "pods", name, "log?container=%s%s" % (container, q)))
    return text.decode(errors="replace") if status == 200 else ""


def phase(ns, name, *wanted):
    def look():
        p = get(core(ns, "pods", name))
        return p if p.get("status", {}).get("phase") in wanted else None
    return wait("pod %s/%s is %s" % (ns, name, "/".join(wanted)), look)


def ready(ns, name):
    def look():
        p = there(core(ns, "pods", name)) or {}
        return p if condition(p, "Ready") == "True" else None
    return wait("pod %s/%s is ready" % (ns, name), look)


def condition(o, kind, field="status"):
    return next((c.get(field) for c in o.get("status", {}).get("conditions", []) if c["type"] == kind), None)


def pods(ns, selector=""):
    return get(core(ns, "pods") + ("?labelSelector=" + selector if selector else ""))["items"]


def output(ns, p):
    """Runs a pod to its end: what it printed."""
    name = post(core(ns, "pods"), p)["metadata"]["name"]
    done = phase(ns, name, "Succeeded", "Failed")
    text = log(ns, name, p["spec"]["containers"][0]["name"])
    assert done["status"]["phase"] == "Succeeded", "%s: %s %s" % (name, text, json.dumps(done["status"]))
    return text


def frames(path, protocol):
    """What a WebSocket brings, message by message."""
    s = CONTEXT.wrap_socket(socket.create_connection((HOST, PORT), 60), server_hostname=HOST)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n" % (path, HOST, key, protocol)).encode())
    f = s.makefile("rb")
    first = f.readline()
    while f.readline().strip():
        pass
    assert b" 101 " in first, first
    while True:
        head = f.read(2)
        if len(head) < 2:
            break
        n = head[1] & 127
        n = struct.unpack(">H", f.read(2))[0] if n == 126 else struct.unpack(">Q", f.read(8))[0] if n == 127 else n
        data, op = f.read(n), head[0] & 15
        if op == 8:
            break
        yield data
    s.close()


def execute(ns, name, *command, container="c"):
    """A command over a WebSocket (v4.channel.k8s.io): (standard output and error, exit code)."""
    from urllib.parse import quote
    query = "&".join("command=" + quote(c, safe="") for c in command)
    out, status = b"", {}
    for data in frames(core(ns, "pods", name, "exec?stdout=true&stderr=true&container=%s&%s" % (container, query)), "v4.channel.k8s.io"):
        if data[:1] in (b"\1", b"\2"):
            out += data[1:]
        elif data[:1] == b"\3":
            status = json.loads(data[1:])
            break
    code = 0
    if status.get("status") == "Failure":
        code = next((int(c["message"]) for c in status.get("details", {}).get("causes", []) if c.get("reason") == "ExitCode"), -1)
    return out.decode(errors="replace"), code


def run_in(ns, name, script, container="c"):
    out, code = execute(ns, name, "sh", "-c", script, container=container)
    assert code == 0, "%s: exit %d: %s" % (script, code, out)
    return out


class watch:
    """Events of a path from a revision on, gathered by a thread of its own."""

    def __init__(self, path, revision):
        self.events = []
        self.c = http.client.HTTPSConnection(HOST, PORT, context=CONTEXT, timeout=120)
        self.c.request("GET", path + ("&" if "?" in path else "?") + "watch=1&resourceVersion=" + revision)
        self.answer = self.c.getresponse()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                self.events.append(json.loads(line))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def saw(self, kind, fits=lambda o: True):
        return wait("watch sees " + kind, lambda: any(e["type"] == kind and fits(e["object"]) for e in list(self.events)))


def case(fn):
    CASES.append(fn)
    return fn


def alone(fn):
    """A case that others would disturb: it runs when they are done."""
    fn.alone = True
    return fn


def namespace(name, labels=None):
    post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels or {}}})
    wait("service account of " + name, lambda: there(core(name, "serviceaccounts", "default")))
    return name


def one(fn, results):
    ns = "c-" + re.sub("[^a-z0-9]+", "-", fn.__name__.lower()).strip("-")[:50]
    begun = time.time()
    try:
        namespace(ns)
        fn(ns)
        results[fn.__name__] = None
    except Exception as e:
        results[fn.__name__] = traceback.format_exc(limit=-2)
    took = time.time() - begun
    print("%s %s (%.1f s)" % ("not ok" if results[fn.__name__] else "ok", fn.__name__, took), flush=True)
    try:
        delete("/api/v1/namespaces/" + ns)
    except Exception as e:
        print("# namespace %s not deleted: %s" % (ns, e))


def main(width=12):
    names = sys.argv[1:]
    chosen = [f for f in CASES if not names or f.__name__ in names]
    results = {}
    missing = set(names) - {f.__name__ for f in CASES}
    with ThreadPoolExecutor(width) as pool:
        list(pool.map(lambda f: one(f, results), [f for f in chosen if not hasattr(f, "alone")]))
    for f in chosen:
        if hasattr(f, "alone"):
            one(f, results)
    for name, failure in results.items():
        if failure:
            print("--- %s\n%s" % (name, failure))
    for name in missing:
        print("--- no case", name)
    sys.exit(1 if missing or not results or any(results.values()) else 0)
