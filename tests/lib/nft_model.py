"""What tests share that compare tables of nf_tables with a model: programs that are driven line by line, tables read from nft."""
import ipaddress
import json
import subprocess


class Drive:
    def __init__(self, *argv):
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline()
        assert answer.startswith("ok"), (line, answer)

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def value(x):
    """Of an element or a constant: concatenations and ranges are tuples, addresses are those of ipaddress."""
    if isinstance(x, dict):
        if "elem" in x:
            return value(x["elem"]["val"])
        if "concat" in x:
            return tuple(value(y) for y in x["concat"])
        if "prefix" in x:
            net = ipaddress.ip_network(f"{x['prefix']['addr']}/{x['prefix']['len']}")
            return (net[0], net[-1])
        if "range" in x:
            return tuple(value(y) for y in x["range"])
    try:
        return ipaddress.ip_address(x) if isinstance(x, str) else x
    except ValueError:
        return x


class Table:
    """chains: name -> rules, each a list of statements; hooks: (hook, priority, chain)."""

    def __init__(self, family, name):
        found = subprocess.run(["nft", "-j", "list", "table", family, name], capture_output=True, text=True)
        self.sets, self.chains, self.hooks, self.held = {}, {}, [], {}
        for item in json.loads(found.stdout)["nftables"] if found.returncode == 0 else []:
            kind, what = next(iter(item.items()))
            if kind in ("set", "map"):
                self.sets[what["name"]] = what
            elif kind == "chain":
                self.chains.setdefault(what["name"], [])
                if "hook" in what:
                    self.hooks.append((what["hook"], what["prio"], what["name"]))
            elif kind == "rule":
                self.chains[what["chain"]].append(what["expr"])
        self.hooks.sort()

    def lookup(self, name, key):
        """A map's data; of a set, whether it has the key."""
        what = self.sets[name]
        if name not in self.held:
            elems = what.get("elem", [])
            self.held[name] = {value(k): v for k, v in elems} if "map" in what else [value(e) for e in elems]
        held = self.held[name]
        if isinstance(held, dict):
            return held.get(key)
        if "interval" not in what.get("flags", []):
            return key in held
        many = isinstance(key, tuple)
        return any(all(inside(k, e) for k, e in zip(key, elem)) if many else inside(key, elem) for elem in held)


def inside(x, elem):
    return elem[0] <= x <= elem[1] if isinstance(elem, tuple) else x == elem
