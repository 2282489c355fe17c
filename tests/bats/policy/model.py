#!/usr/bin/env python3
"""model.py DRIVE SEED STATES: random policies, pods and namespaces; for many packets, what the table does to the first one
of a flow has to be what the API says (NetworkPolicySpec). The table is read from nft and walked here, so that each state is
asked of many packets. Works in a network namespace of its own."""
import ipaddress
import json
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../lib"))
import nft_model  # noqa: E402
from nft_model import Drive, value  # noqa: E402

NUMBERS = [80, 81, 90, 95, 100, 8080]
PROTOCOLS = ["TCP", "UDP", "SCTP"]


# -- what the API says

def selects(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for e in selector.get("matchExpressions") or []:
        has, op = e["key"] in labels, e["operator"]
        held = {"Exists": has, "DoesNotExist": not has, "In": has and labels[e["key"]] in e.get("values", []),
                "NotIn": not has or labels[e["key"]] not in e.get("values", [])}
        if not held[op]:
            return False
    return True


def in_block(ip, block):
    def inside(net):
        net = ipaddress.ip_network(net)
        return net.version == ip.version and ip in net
    return inside(block["cidr"]) and not any(inside(e) for e in block.get("except", []))


class Model:
    def __init__(self, state):
        self.policies = [v for (k, _), v in state.items() if k == "policy"]
        self.namespaces = {v["metadata"]["name"]: v["metadata"]["labels"] for (k, _), v in state.items() if k == "namespace"}
        self.pods = {}
        for (kind, _), v in state.items():
            if kind == "pod" and not v["spec"].get("hostNetwork") and v["status"].get("phase") not in ("Succeeded", "Failed"):
                for i in v["status"]["podIPs"]:
                    self.pods[ipaddress.ip_address(i["ip"])] = v

    def peer(self, peer, ns, ip):
        if "ipBlock" in peer:
            return in_block(ip, peer["ipBlock"])
        pod = self.pods.get(ip)
        if not pod:
            return False
        if "namespaceSelector" in peer:
            labels = self.namespaces.get(pod["metadata"]["namespace"])
            if labels is None and any(peer["namespaceSelector"].values()):
                return False  # not known yet: nobody can say which labels it has not got
            if not selects(peer["namespaceSelector"], labels or {}):
                return False
        elif pod["metadata"]["namespace"] != ns:
            return False
        return selects(peer.get("podSelector", {}), pod["metadata"]["labels"])

    def port(self, port, packet):
        protocol, number = packet["protocol"], packet["port"]
        if protocol != port.get("protocol", "TCP"):
            return False
        wanted = port.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            return wanted <= number <= port.get("endPort", wanted)
        pod = self.pods.get(packet["to"])
        return bool(pod) and any(p.get("name") == wanted and p.get("protocol", "TCP") == protocol and p["containerPort"] == number
                                 for c in pod["spec"]["containers"] for p in c["ports"])

    def side(self, packet, pod_ip, other, kind, rules, peers):
        pod = self.pods.get(pod_ip)
        if not pod or pod["spec"]["nodeName"] != "here":
            return True
        ns, isolated = pod["metadata"]["namespace"], False
        for p in self.policies:
            spec = p["spec"]
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            if p["metadata"]["namespace"] != ns or kind not in types or not selects(spec["podSelector"], pod["metadata"]["labels"]):
                continue
            isolated = True
            for rule in spec.get(rules) or []:
                if rule.get(peers) and not any(self.peer(x, ns, other) for x in rule[peers]):
                    continue
                if not rule.get("ports") or any(self.port(x, packet) for x in rule["ports"]):
                    return True
        return not isolated

    def allows(self, packet):
        a, b = packet["from"], packet["to"]
        return a == b or (self.side(packet, a, b, "Egress", "egress", "to") and self.side(packet, b, a, "Ingress", "ingress", "from"))


# -- what the table does

class Table(nft_model.Table):
    def field(self, left, packet):
        """None: the packet has no such field."""
        (kind, what), = left.items()
        version = packet["from"].version
        if kind == "concat":
            parts = [self.field(x, packet) for x in what]
            return None if None in parts else tuple(parts)
        if kind == "meta" and what["key"] == "l4proto":
            return packet["protocol"].lower()
        if kind == "ct" and what["key"] == "state":
            return "new"
        assert kind == "payload", left
        protocol, name = what["protocol"], what["field"]
        if protocol in ("ip", "ip6"):
            if (protocol == "ip6") != (version == 6):
                return None
            return packet["from"] if name == "saddr" else packet["to"] if name == "daddr" else 64
        if protocol in ("th", packet["protocol"].lower()) and packet["port"] is not None:
            return packet["port"]
        return None

    def matches(self, m, packet):
        got, right = self.field(m["left"], packet), m["right"]
        if got is None:
            return False
        if isinstance(right, str) and right.startswith("@"):
            held = self.lookup(right[1:], got)
        elif isinstance(right, dict) and "range" in right:
            held = isinstance(got, int) and right["range"][0] <= got <= right["range"][1]
        else:
            held = got in right if isinstance(right, list) else got == value(right)
        return held != (m["op"] == "!=")

    def walk(self, chain, packet):
        for expr in self.chains[chain]:
            verdict = None
            for e in expr:
                (kind, what), = e.items()
                if kind == "match":
                    if not self.matches(what, packet):
                        break
                    continue
                if kind == "vmap":
                    key = self.field(what["key"], packet)
                    verdict = self.lookup(what["data"][1:], key) if key is not None else None
                else:
                    verdict = e
            else:
                if verdict:
                    (kind, what), = verdict.items()
                    if kind in ("accept", "drop"):
                        return kind
                    end = self.walk(what["target"], packet)
                    if end or kind == "goto":
                        return end
        return None

    def allows(self, packet):
        return all(self.walk(chain, packet) != "drop" for _, _, chain in self.hooks)


# -- random states

def labels(r):
    return {k: f"{k}{r.randrange(3)}" for k in ("app", "tier") if r.random() < 0.7}


def selector(r):
    kind = r.randrange(6)
    if kind < 2:
        return {}
    if kind < 4:
        return {"matchLabels": labels(r)}
    key, op = r.choice(["app", "tier"]), r.choice(["In", "NotIn", "Exists", "DoesNotExist"])
    e = {"key": key, "operator": op}
    if op in ("In", "NotIn"):
        e["values"] = [f"{key}{n}" for n in r.sample(range(3), r.randrange(1, 3))]
    return {"matchExpressions": [e]} | ({"matchLabels": labels(r)} if r.random() < 0.3 else {})


def peer(r):
    kind = r.randrange(5)
    if kind == 0:
        return {"podSelector": selector(r)}
    if kind == 1:
        return {"namespaceSelector": selector(r)}
    if kind == 2:
        return {"namespaceSelector": selector(r), "podSelector": selector(r)}
    if kind == 3:
        return {"ipBlock": r.choice([{"cidr": "0.0.0.0/0"}, {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.0.0.2/32"]},
                                     {"cidr": "10.0.0.0/24", "except": ["10.0.0.0/25", "10.0.0.64/26"]}, {"cidr": "10.0.0.3/32"},
                                     {"cidr": "10.1.0.0/16"}, {"cidr": "0.0.0.0/0", "except": ["0.0.0.0/1"]}])}
    return {"ipBlock": r.choice([{"cidr": "::/0"}, {"cidr": "fd00::/112", "except": ["fd00::4/126"]}, {"cidr": "fd00::5/128"}])}


def port(r):
    p = {"protocol": r.choice(PROTOCOLS)} if r.random() < 0.6 else {}
    kind = r.randrange(4)
    if kind == 0:
        p["port"] = r.choice(["web", "dns", "none"])
    elif kind == 1:
        p["port"] = r.choice(NUMBERS)
    elif kind == 2:
        p |= {"port": r.choice([80, 81, 90]), "endPort": r.choice([90, 95, 65535])}
    return p


def rule(r, side):
    out = {}
    if r.random() < 0.8:
        out[side] = [peer(r) for _ in range(r.randrange(3))]
    if r.random() < 0.6:
        out["ports"] = [port(r) for _ in range(r.randrange(4))]
    return out


def policy(r, n):
    spec = {"podSelector": selector(r)}
    if r.random() < 0.7:
        spec["policyTypes"] = r.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    for side, key in (("ingress", "from"), ("egress", "to")):
        if r.random() < 0.7:
            spec[side] = [rule(r, key) for _ in range(r.randrange(3))]
    return {"metadata": {"namespace": f"n{n % 3}", "name": f"q{n}"}, "spec": spec}


def pod(r, n):
    ports = [{"name": r.choice(["web", "dns"]), "containerPort": r.choice(NUMBERS)} | ({"protocol": r.choice(PROTOCOLS)} if r.random() < 0.5 else {})
             for _ in range(r.randrange(3))]
    spec = {"nodeName": "there" if n % 4 == 3 else "here", "containers": [{"ports": ports}, {"ports": []}]}
    if r.random() < 0.1:
        spec["hostNetwork"] = True
    return {"metadata": {"namespace": f"n{n % 3}", "name": f"p{n}", "uid": f"u{n}", "labels": labels(r)}, "spec": spec,
            "status": {"phase": r.choice(["Running"] * 8 + ["Succeeded", "Pending"]),
                       "podIPs": [{"ip": f"10.{n % 2}.0.{n}"}, {"ip": f"fd00::{n:x}"}][:r.choice([1, 2, 2])]}}


def state_of(r):
    state = {("namespace", f"n{n}"): {"metadata": {"name": f"n{n}", "labels": labels(r)}} for n in range(3) if r.random() < 0.9}
    state |= {("pod", f"u{n}"): pod(r, n) for n in range(1, 9)}
    return state | {("policy", f"q{n}"): policy(r, n) for n in range(r.randrange(1, 6))}


def packets(r, n):
    for _ in range(n):
        if r.random() < 0.6:
            a, b = (ipaddress.ip_address(f"10.{(i := r.randrange(1, 12)) % 2}.0.{i}") for _ in range(2))
        else:
            a, b = (ipaddress.ip_address(f"fd00::{r.randrange(1, 12):x}") for _ in range(2))
        protocol = r.choice(PROTOCOLS * 3 + ["ICMP"])
        yield {"from": a, "to": b, "protocol": protocol, "port": None if protocol == "ICMP" else r.choice(NUMBERS)}


def main():
    program, seed, states = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    r, count = random.Random(seed), {True: 0, False: 0}
    for n in range(states):
        state, drive = state_of(r), Drive(program, "model")
        for (kind, _), value in state.items():
            drive.say(kind + " " + json.dumps(value))
        drive.say("sync")
        model, table = Model(state), Table("inet", "model")
        drive.end()
        subprocess.run(["nft", "delete", "table", "inet", "model"], capture_output=True)
        for packet in packets(r, 400):
            wanted = model.allows(packet)
            count[wanted] += 1
            assert table.allows(packet) == wanted, f"seed {seed} state {n}: {packet} allowed {not wanted}\n{json.dumps([*state.values()])}"
    print(f"{count[True]} packets allowed, {count[False]} not")
    assert min(count.values()) > states


main()
