#!/usr/bin/env python3
"""model.py DRIVE SEED STATES: random services and endpoint slices; for the first packets of many connections, what the proxy's
table does (refuse, drop, leave alone, or translate to one of some endpoints, with or without the node's address) has to be what
traffic policies, conditions of endpoints, hints and sources say. The table is read from nft and walked here. Works in a
network namespace of its own."""
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

ip = ipaddress.ip_address
PODS = [ipaddress.ip_network("10.244.0.0/16"), ipaddress.ip_network("fd44::/48")]
NODE = [ip("192.168.77.1"), ip("fd77::1")]
SOURCES = {4: [ip("10.244.0.77"), ip("203.0.113.5"), ip("198.51.100.9")], 6: [ip("fd44::77"), ip("2001:db8:1::5"), ip("2001:db8:2::9")]}
RANGES = ["203.0.113.0/24", "10.244.0.0/16", "198.51.100.9/32", "192.168.77.0/24", "2001:db8:1::/48", "::/0", " 203.0.113.5/32"]
MASQUERADE = 0x4000


# -- what the API says

class Port:
    """One port of a service, in one family."""

    def __init__(self, service, port, slices, family):
        self.spec, self.family = service["spec"], family
        endpoints = {}
        for s in slices:
            if s["metadata"]["labels"]["kubernetes.io/service-name"] != service["metadata"]["name"]:
                continue
            for p in s["ports"]:
                if p.get("name", "") == port.get("name", "") and p.get("protocol", "TCP") == port.get("protocol", "TCP"):
                    endpoints |= {(ip(e["addresses"][0]), p["port"]): e for e in s["endpoints"] if ip(e["addresses"][0]).version == family}
        self.endpoints = endpoints
        self.ready = {k: e for k, e in endpoints.items() if e["conditions"].get("ready", True)}
        self.last = {k: e for k, e in endpoints.items()
                     if k not in self.ready and e["conditions"].get("terminating") and e["conditions"].get("serving", True)}
        self.cluster = set(self.hinted() or self.last)
        self.local = set(self.here(self.ready) or self.here(self.last))
        self.any = bool(self.ready or self.last)

    @staticmethod
    def here(endpoints):
        return [k for k, e in endpoints.items() if e.get("nodeName") == "node"]

    def hinted(self):
        for kind, mine in (("forNodes", "node"), ("forZones", "here")):
            hints = {k: [h["name"] for h in e.get("hints", {}).get(kind, [])] for k, e in self.ready.items()}
            if hints and all(hints.values()) and any(mine in h for h in hints.values()):
                return [k for k, h in hints.items() if mine in h]
        return list(self.ready)

    def internal(self, source):
        to = self.local if self.spec.get("internalTrafficPolicy") == "Local" else self.cluster
        if not self.any:
            return "reject", None, None
        return ("dnat", to, not any(source in n for n in PODS)) if to else ("drop", None, None)

    def external(self, source, balancer):
        ranges = [ipaddress.ip_network(r.strip()) for r in self.spec.get("loadBalancerSourceRanges", [])]
        ranges = [r for r in ranges if r.version == self.family]
        if not self.any:
            return "reject", None, None
        if balancer and ranges and not any(source in r for r in ranges):
            return "drop", None, None
        if self.spec.get("externalTrafficPolicy") != "Local":
            return "dnat", self.cluster, True
        if source in NODE or any(source in n for n in PODS):
            return ("dnat", self.cluster, source in NODE) if self.cluster else ("drop", None, None)
        return ("dnat", self.local, False) if self.local else ("drop", None, None)


def fronts(service, slices):
    """(address, protocol, port) -> what happens to who comes from a source."""
    spec, out = service["spec"], {}
    for p in spec["ports"]:
        ports = {f: Port(service, p, slices, f) for f in (4, 6)}
        for a in map(ip, spec["clusterIPs"]):
            out[a, p["protocol"], p["port"]] = ports[a.version].internal
        for a in map(ip, spec.get("externalIPs", [])):
            out[a, p["protocol"], p["port"]] = lambda s, x=ports[a.version]: x.external(s, False)
        for i in service["status"]["loadBalancer"].get("ingress", []):
            if i.get("ipMode") != "Proxy":
                a = ip(i["ip"])
                out[a, p["protocol"], p["port"]] = lambda s, x=ports[a.version]: x.external(s, True)
        for a in NODE:
            if "nodePort" in p:
                out[a, p["protocol"], p["nodePort"]] = lambda s, x=ports[a.version]: x.external(s, False)
    return out


# -- what the table does

class Table(nft_model.Table):
    def fields(self, what, packet):
        """All values that an expression can have; none: it has no value."""
        if not isinstance(what, dict):
            return [value(what)]
        (kind, x), = what.items()
        if kind == "concat":
            out = [()]
            for part in x:
                out = [o + (v,) for o in out for v in self.fields(part, packet)]
            return out
        if kind == "numgen":
            return list(range(x["offset"], x["offset"] + x["mod"]))
        if kind == "map":
            found = [self.lookup(x["data"][1:], k) for k in self.fields(x["key"], packet)]
            if "@" + "endpoints" == x["data"]:
                assert None not in found, ("an index without an endpoint", packet)
            return [value(f) for f in found if f is not None]
        if kind in ("&", "|"):
            a, b = (self.fields(y, packet)[0] for y in x)
            return [a & b if kind == "&" else a | b]
        if kind == "meta":
            return [packet["protocol"].lower() if x["key"] in ("l4proto", "nexthdr") else packet[x["key"]]]
        if kind == "fib":
            return ["local" if packet["saddr"] in NODE else "unicast"]
        if kind == "prefix":
            return [value(what)]
        assert kind == "payload", what
        return [packet["protocol"].lower() if x["field"] in ("protocol", "nexthdr") else packet[x["field"]]]

    def matches(self, m, packet):
        got, right = self.fields(m["left"], packet)[0], m["right"]
        if isinstance(right, str) and right.startswith("@"):
            held = self.lookup(right[1:], got)
        else:
            held = nft_model.inside(got, value(right))
        return bool(held) != (m["op"] == "!=")

    def statement(self, kind, what, packet):
        """None: the rule goes on;  False: it ends here;  else a verdict."""
        if kind == "match":
            return None if self.matches(what, packet) else False
        if kind == "mangle":
            got = self.fields(what["value"], packet)
            if got:
                packet[what["key"]["meta"]["key"]] = got[0]
            return None if got else False
        if kind == "vmap":
            verdict = self.lookup(what["data"][1:], self.fields(what["key"], packet)[0])
            return self.follow(verdict, packet) if verdict else False
        if kind == "dnat":
            to = self.fields(what["addr"], packet)
            return ("dnat", set(to), bool(packet["mark"] & MASQUERADE)) if to else False
        if kind in ("drop", "reject"):
            return kind, None, None
        return self.follow({kind: what}, packet)

    def follow(self, verdict, packet):
        (kind, what), = verdict.items()
        assert kind in ("goto", "jump"), verdict
        return self.walk(what["target"], packet) or (("none", None, None) if kind == "goto" else False)

    def walk(self, chain, packet):
        for rule in self.chains[chain]:
            for s in rule:
                (kind, what), = s.items()
                end = self.statement(kind, what, packet)
                if end is not None:
                    break
            if end:
                return end
        return None

    def first(self, packet):
        packet |= {"mark": 0, "priority": "none"}
        end = self.walk("output" if packet["saddr"] in NODE else "prerouting", packet)
        assert packet["priority"] == "none", packet
        return end or ("none", None, None)


# -- random states

def endpoint(r, n, family):
    e = {"addresses": [f"10.244.{r.randrange(2)}.{n}" if family == 4 else f"fd44::{r.randrange(1, 3)}:{n:x}"], "conditions": {}}
    kind = r.randrange(8)
    if kind == 0:
        e["conditions"] = {"ready": False}
    elif kind < 3:
        e["conditions"] = {"ready": False, "terminating": True} | r.choice([{}, {"serving": True}, {"serving": False}])
    elif kind < 5:
        e["conditions"] = {"ready": True, "serving": True, "terminating": False}
    if r.random() < 0.8:
        e["nodeName"] = r.choice(["node", "other"])
    return e


def hint(r, endpoints):
    kind, most = r.choice(["forZones", "forNodes"]), r.choice([0, 0, 0.9, 1, 1])
    for e in endpoints:
        if r.random() < most:
            e["hints"] = {kind: [{"name": n} for n in r.sample(["here", "there", "node", "other"], r.randrange(1, 3))]}


def slices(r, name, n):
    out = []
    for family in (4, 6):
        for k in range(r.choice([0, 1, 2, 2])):
            endpoints = [endpoint(r, 10 * n + 4 * k + i, family) for i in range(r.randrange(1, 4))]
            hint(r, endpoints)
            out.append({"metadata": {"namespace": "d", "name": f"{name}-{family}{k}", "labels": {"kubernetes.io/service-name": name}},
                        "addressType": f"IPv{family}", "endpoints": endpoints,
                        "ports": r.sample([{"name": "a", "port": 8080 + k, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"},
                                           {"name": "c", "port": 99, "protocol": "SCTP"}, {"name": "a", "port": 1, "protocol": "UDP"}], r.randrange(1, 5))})
    return out


def service(r, name, n):
    spec = {"type": r.choice(["ClusterIP", "NodePort", "LoadBalancer"]), "clusterIPs": [f"10.96.0.{n}", f"fd96::{n:x}"][:r.choice([1, 2, 2])],
            "ports": [{"name": "a", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}, {"name": "c", "port": 80, "protocol": "SCTP"}]}
    spec["clusterIP"] = spec["clusterIPs"][0]
    balancer = {}
    for side in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if r.random() < 0.7:
            spec[side] = r.choice(["Cluster", "Local"])
    if r.random() < 0.4:
        spec["externalIPs"] = [f"192.0.2.{n}", f"2001:db8::{n:x}"]
    if r.random() < 0.3:
        spec |= {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
    if spec["type"] != "ClusterIP":
        for i, p in enumerate(spec["ports"]):
            p["nodePort"] = 30000 + 10 * n + i
    if spec["type"] == "LoadBalancer":
        balancer["ingress"] = [{"ip": a} | r.choice([{}, {"ipMode": "VIP"}, {"ipMode": "Proxy"}]) for a in (f"192.0.2.{100 + n}", f"2001:db8::{100 + n:x}")]
        if r.random() < 0.7:
            spec["loadBalancerSourceRanges"] = r.sample(RANGES, r.randrange(1, 4))
    return {"metadata": {"namespace": "d", "name": name}, "spec": spec, "status": {"loadBalancer": balancer}}


def compare(r, state, tables):
    count = {}
    wanted = {}
    for s in state["service"].values():
        wanted |= fronts(s, state["slice"].values())
    for (address, protocol, port), says in wanted.items():
        for source in SOURCES[address.version] + [n for n in NODE if n.version == address.version]:
            packet = {"saddr": source, "daddr": address, "protocol": protocol, "dport": port}
            got, want = tables[address.version].first(dict(packet)), says(source)
            assert got == want, f"{packet}: {got}, wanted {want}\n{json.dumps([*state['service'].values()])}\n{json.dumps([*state['slice'].values()])}"
            count[want[0]] = count.get(want[0], 0) + 1
    for version, table in tables.items():  # what no service has is left alone
        for a in (f"10.96.0.{r.randrange(1, 9)}", "8.8.8.8") if version == 4 else (f"fd96::{r.randrange(1, 9)}", "2001:db8::"):
            packet = {"saddr": SOURCES[version][0], "daddr": ip(a), "protocol": "TCP", "dport": 4711}
            assert table.first(packet)[0] == "none", packet
    return count


def main():
    program, seed, states = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    r, count, state = random.Random(seed), {}, {"service": {}, "slice": {}}
    args = [x for n in PODS for x in ("--cidr", str(n))] + [x for n in NODE for x in ("--node-ip", str(n))]
    for n in NODE:
        subprocess.run(["ip", "addr", "add", str(n), "dev", "lo"], check=True)
    drive = Drive(program, *args, "--ipv6", "--service-cidr", "10.96.0.0/16", "--service-cidr", "fd96::/112")
    for _ in range(states):
        for n in r.sample(range(1, 7), r.randrange(1, 4)):  # the others stay, so that changes are tested, too
            name = f"s{n}"
            for key in [k for k in state["slice"] if k.startswith(name + "-")]:
                drive.say("del-slice d/" + key)
                del state["slice"][key]
            for s in slices(r, name, n):
                state["slice"][s["metadata"]["name"]] = s
                drive.say("slice " + json.dumps(s))
            state["service"][name] = service(r, name, n)
            drive.say("service " + json.dumps(state["service"][name]))
        drive.say("sync")
        for key, n in compare(r, state, {4: Table("ip", "knarr-proxy"), 6: Table("ip6", "knarr-proxy")}).items():
            count[key] = count.get(key, 0) + n
    drive.end()
    print(", ".join(f"{v} {k}" for k, v in sorted(count.items())))
    assert len(count) == 3 and min(count.values()) > states


main()
