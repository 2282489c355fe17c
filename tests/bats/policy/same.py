#!/usr/bin/env python3
"""same.py DRIVE SEED STEPS: changes at random, a few in each transaction, of policies, pods and namespaces; after each the
table has to be the one that another run makes of the same state from nothing. Works in a network namespace of its own."""
import json
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../lib"))
from nft_model import Drive  # noqa: E402


def table(name):
    """Its sets with their elements, its chains with their rules; None: there is none."""
    found = subprocess.run(["nft", "-j", "list", "table", "inet", name], capture_output=True, text=True)
    if found.returncode:
        return None
    out = []
    for item in json.loads(found.stdout)["nftables"]:
        kind, what = next(iter(item.items()))
        if kind in ("set", "map"):
            elems = sorted(json.dumps(e, sort_keys=True) for e in what.get("elem", []))
            out.append((kind, what["name"], elems))
        elif kind == "rule":
            out.append((kind, what["chain"], json.dumps(what["expr"])))
        elif kind == "chain":
            out.append((kind, what["name"]))
    # rules of a chain keep their order
    return sorted(out, key=lambda i: (i[0], i[1]))


def labels(r):
    return {"app": f"a{r.randrange(4)}"} | ({"x": "y"} if r.random() < 0.3 else {})


def selector(r):
    return r.choice([{}, {"matchLabels": labels(r)}, {"matchExpressions": [{"key": "x", "operator": r.choice(["Exists", "DoesNotExist"])}]}])


def peer(r):
    kind = r.randrange(4)
    if kind == 0:
        return {"ipBlock": {"cidr": f"10.{r.randrange(4)}.0.0/16", "except": [f"10.{r.randrange(4)}.1.0/24"][:r.randrange(2)]}}
    if kind == 1:
        return {"podSelector": selector(r)}
    if kind == 2:
        return {"namespaceSelector": {"matchLabels": {"team": f"t{r.randrange(3)}"}}}
    return {"namespaceSelector": selector(r), "podSelector": selector(r)}


def except_inside(p):
    block = p.get("ipBlock")
    if block:
        block["except"] = [e for e in block["except"] if e.split(".")[1] == block["cidr"].split(".")[1]]
    return p


def rule(r, side):
    out = {side: [except_inside(peer(r)) for _ in range(r.randrange(3))]}
    if r.random() < 0.5:
        out["ports"] = [r.choice([{"port": 80}, {"port": "web"}, {"port": 90, "endPort": 99, "protocol": "UDP"}])]
    return out


def policy(r, ns, name):
    spec = {"podSelector": selector(r), "policyTypes": r.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])}
    spec["ingress"] = [rule(r, "from") for _ in range(r.randrange(3))]
    spec["egress"] = [rule(r, "to") for _ in range(r.randrange(3))]
    return {"metadata": {"namespace": ns, "name": name}, "spec": spec}


def pod(r, n):
    ns = f"n{n % 3}"
    ips = [{"ip": f"10.{n % 4}.1.{n + r.randrange(2)}"}, {"ip": f"fd00::{n:x}"}][:r.randrange(3)]
    return {"metadata": {"namespace": ns, "name": f"p{n}", "uid": f"u{n}", "labels": labels(r)},
            "spec": {"nodeName": "here" if n % 3 else "there",
                     "containers": [{"ports": [{"name": r.choice(["web", "other"]), "containerPort": r.choice([80, 8080])}]}]},
            "status": {"podIPs": ips}}


def step(r, state):
    """One line that changes the state."""
    kind, n = r.randrange(8), r.randrange(12)
    if kind < 3:
        state["pod", f"u{n}"] = pod(r, n)
        return "pod " + json.dumps(state["pod", f"u{n}"])
    if kind == 3:
        state.pop(("pod", f"u{n}"), None)
        return f"del-pod u{n}"
    if kind == 4:
        ns = f"n{r.randrange(3)}"
        state["namespace", ns] = {"metadata": {"name": ns, "labels": {"team": f"t{r.randrange(3)}"} | labels(r)}}
        return "namespace " + json.dumps(state["namespace", ns])
    key = f"n{n % 3}/q{n % 6}"
    if kind == 5:
        state.pop(("policy", key), None)
        return "del-policy " + key
    state["policy", key] = policy(r, *key.split("/"))
    return "policy " + json.dumps(state["policy", key])


def main():
    program, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    r, state, drive = random.Random(seed), {}, Drive(program, "changed")
    tables = 0
    for n in range(steps):
        for _ in range(r.randrange(1, 4)):
            drive.say(step(r, state))
        if r.random() < 0.05:
            subprocess.run(["nft", "delete", "table", "inet", "changed"], capture_output=True)
            drive.end()
            drive = Drive(program, "changed") # a new agent
            for (kind, _), value in state.items():
                drive.say(kind + " " + json.dumps(value))
        drive.say("sync")
        anew = Drive(program, "anew")
        for (kind, _), value in sorted(state.items()):
            anew.say(kind + " " + json.dumps(value))
        anew.say("sync")
        anew.end()
        got, wanted = table("changed"), table("anew")
        if shared(state):
            continue # whose an address is depends on who came last
        assert got == wanted, f"seed {seed} step {n}:\n{got}\n{wanted}\n{json.dumps([*state.values()])}"
        tables += wanted is not None
    drive.end()
    print(f"{tables} tables compared")
    assert tables > steps / 4


def shared(state):
    ips = [i["ip"] for (kind, _), p in state.items() if kind == "pod" for i in p["status"]["podIPs"]]
    return len(ips) != len(set(ips))


main()
