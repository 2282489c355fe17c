#!/usr/bin/env python3
"""Compares two Swagger 2.0 documents by structure (descriptions aside) and prints every difference, one a line. Left out
are the versions that the second one does not serve at all, and the deprecated paths of watches.

compare_v2.py WANT GOT
"""
import json
import sys


def resolve(document, value):
    return document["parameters"][value["$ref"].rsplit("/", 1)[-1]] if "$ref" in value else value


def parameters(document, values):
    """name, place -> type or schema"""
    out = {}
    for v in (resolve(document, p) for p in values or []):
        out[v["name"], v["in"]] = v.get("type") or v.get("schema", {}).get("$ref") or "object"
    return out


def walk(want, got, path, say):
    for key in sorted(want.keys() | got.keys()):
        if key not in got:
            say("missing %s %s" % (path, key))
        elif key not in want:
            say("more %s %s" % (path, key))


def compare_operation(want, got, wi, gi, method, where, say):
    """Parameters of the whole path count as the operation's own."""
    w, g = wi[method], gi[method]
    wp, gp = (parameters(d, i.get("parameters", []) + i[method].get("parameters", [])) for d, i in ((want, wi), (got, gi)))
    walk(wp and {"%s in %s" % k: v for k, v in wp.items()} or {}, {"%s in %s" % k: v for k, v in gp.items()}, where + " parameter", say)
    for k in wp.keys() & gp.keys():
        if wp[k] != gp[k]:
            say("other %s parameter %s: %s, not %s" % (where, k[0], gp[k], wp[k]))
    for key in ("operationId", "x-kubernetes-action", "x-kubernetes-group-version-kind"):
        if w.get(key) != g.get(key):
            say("other %s %s: %s, not %s" % (where, key, g.get(key), w.get(key)))
    walk(w["responses"], g["responses"], where + " response", say)
    for code in w["responses"].keys() & g["responses"].keys():
        a, b = (r["responses"][code].get("schema", {}) for r in (w, g))
        if a.get("$ref") != b.get("$ref"):
            say("other %s response %s: %s, not %s" % (where, code, b.get("$ref"), a.get("$ref")))


def compare_definition(w, g, where, say):
    walk(w.get("properties", {}), g.get("properties", {}), where + " property", say)
    for key in ("type", "x-kubernetes-group-version-kind"):
        a, b = (sorted(x.get(key), key=str) if isinstance(x.get(key), list) else x.get(key) for x in (w, g))
        if a != b:
            say("other %s %s" % (where, key))
    if sorted(w.get("required", [])) != sorted(g.get("required", [])):
        say("other %s required" % where)
    for name in w.get("properties", {}).keys() & g.get("properties", {}).keys():
        a, b = w["properties"][name], g["properties"][name]
        for key in ("type", "$ref", "format", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
                    "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key", "x-kubernetes-map-type"):
            if a.get(key) != b.get(key):
                say("other %s.%s %s: %s, not %s" % (where, name, key, b.get(key), a.get(key)))


def only_served(want, got):
    def version(path):
        parts = path.split("/")
        return "/".join(parts[:3 if parts[1] == "api" else 4])

    served = {version(p) for p in got["paths"]} | {"/" + p for p in ("api", "apis", "version")}
    gone = {p for p in want["paths"] if "/watch/" in p or ("beta" in p or "alpha" in p) and version(p) not in served}
    for p in gone:
        del want["paths"][p]
    for name in [n for n in want["definitions"] if n not in got["definitions"] and ("beta" in n or "alpha" in n)]:
        del want["definitions"][name]


def main():
    want, got = (json.load(open(p)) for p in sys.argv[1:3])
    only_served(want, got)
    lines = []
    say = lines.append
    walk(want, got, "document", say)
    walk(want["paths"], got["paths"], "path", say)
    for path in sorted(want["paths"].keys() & got["paths"].keys()):
        w, g = want["paths"][path], got["paths"][path]
        walk(w, g, path, say)
        for method in sorted((w.keys() & g.keys()) - {"parameters"}):
            compare_operation(want, got, w, g, method, "%s %s" % (method, path), say)
    walk(want["definitions"], got["definitions"], "definition", say)
    for name in sorted(want["definitions"].keys() & got["definitions"].keys()):
        compare_definition(want["definitions"][name], got["definitions"][name], name, say)
    print("\n".join(lines))
    sys.exit(bool(lines))


main()
