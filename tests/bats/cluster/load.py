#!/usr/bin/env python3
"""A client that writes to the API while its servers are killed, and the check that no acknowledged write was lost.

  load.py run JOURNAL SEED PODS   creates, updates and deletes config maps (and at most PODS pods) until SIGTERM
  load.py check JOURNAL           compares what is there with the journal; one line for each difference

The journal has a line before each request and one after each answer. A request without an answer may or may not have
been done; from then on both states are right, until an answer tells.
"""
import http.client
import json
import random
import re
import signal
import ssl
import sys
import time

PKI = "/etc/kubernetes/pki/"
NS = "/api/v1/namespaces/default/"
POD = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 1,
       "containers": [{"name": "c", "image": "knarr-demo:1", "command": ["sleep", "10000"]}]}


class Api:
    def __init__(self):
        self.host = re.search(r"https://([^:]+):", open("/etc/kubernetes/admin.conf").read()).group(1)
        self.tls = ssl.create_default_context(cafile=PKI + "ca.crt")
        self.tls.load_cert_chain(PKI + "admin.crt", PKI + "admin.key")
        self.conn = None

    def call(self, method, path, body=None):
        """(code, object); (0, None) when no answer came."""
        try:
            if not self.conn:
                self.conn = http.client.HTTPSConnection(self.host, 6443, context=self.tls, timeout=10)
            self.conn.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = self.conn.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            if self.conn:
                self.conn.close()
            self.conn = None
            return 0, None


def path_of(name, collection=False):
    kind = "pods/" if name.startswith("p") else "configmaps/"
    return NS + kind.rstrip("/") if collection else NS + kind + name


def obj(name, value):
    o = {"metadata": {"name": name, "labels": {"load": "yes"}}}
    o.update({"spec": POD} if name.startswith("p") else {"data": {"v": value}})
    return o


def request(api, op, name, value):
    if op == "create":
        return api.call("POST", path_of(name, True), obj(name, value))[0]
    if op == "update":
        return api.call("PUT", path_of(name), obj(name, value))[0]
    return api.call("DELETE", path_of(name))[0]


def choose(rng, live, counters, pods):
    n_pods = sum(1 for n in live if n.startswith("p"))
    pick = rng.random()
    if pick < 0.04 and n_pods < pods or not live:
        counters["p"] += 1
        return "create", "p%d" % counters["p"]
    if pick < 0.5:
        counters["c"] += 1
        return "create", "c%d" % counters["c"]
    name = rng.choice(sorted(live))
    if name.startswith("p"):
        return ("delete", name) if n_pods >= pods else ("get", name)
    return ("update", name) if pick < 0.75 else ("delete", name)


def run(journal, seed, pods):
    rng, api, live, counters, going = random.Random(seed), Api(), set(), {"p": 0, "c": 0}, [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    value = 0
    with open(journal, "w", buffering=1) as out:
        while going:
            op, name = choose(rng, live, counters, pods)
            if op == "get":
                continue
            value += 1
            out.write("%s %s %d\n" % (op, name, value))
            code = request(api, op, name, str(value))
            out.write("= %d\n" % code)
            if op == "create":
                live.add(name)
            if op == "delete" and code in (200, 202, 404):
                live.discard(name)
            time.sleep(0.003 if code else 0.05)


def states(journal):
    """{name: set of right states}, a state being None or the value; and the answers that contradict."""
    may, wrong = {}, []
    lines = [line.split() for line in open(journal)]
    for i in range(0, len(lines), 2):
        op, name, value = lines[i]
        code = int(lines[i + 1][1]) if i + 1 < len(lines) else 0
        before = may.get(name, {None})
        after = None if op == "delete" else value
        if code in (200, 201, 202):
            may[name] = {after}
        elif code == 404:
            may[name] = {None}
        elif code == 409:
            may[name] = before - {None}
        elif code == 0:
            may[name] = before | ({after} if op != "update" or before != {None} else set())
        else:
            may[name] = before
            wrong.append("%s %s: answer %d" % (op, name, code))
        if code == 404 and None not in before or code == 409 and before == {None}:
            wrong.append("%s %s: answer %d, but the state is one of %s" % (op, name, code, before))
    return may, wrong


def check(journal):
    may, wrong = states(journal)
    api, there = Api(), {}
    for kind in ("pods", "configmaps"):
        code, found = api.call("GET", NS + kind + "?labelSelector=load%3Dyes")
        if code != 200:
            sys.exit("list of %s: answer %d" % (kind, code))
        for o in found["items"]:
            if not o["metadata"].get("deletionTimestamp"):
                there[o["metadata"]["name"]] = o.get("data", {}).get("v")
    for name in sorted(set(may) | set(there)):
        now, right = there.get(name), may.get(name, set())
        if name.startswith("p"):  # of a pod it counts only that it is there
            now, right = name in there, {x is not None for x in right}
        if now not in right:
            wrong.append("%s: is %s, must be one of %s" % (name, now, right))
    for w in wrong:
        print(w)
    lines = open(journal).read().split("\n")
    print("%d requests, %d unanswered" % (sum(1 for x in lines if x.startswith("=")), lines.count("= 0")), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(check(sys.argv[2]))
