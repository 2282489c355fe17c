"""Objects of storage and of devices: written, read, listed, watched, deleted. Kubernetes conformance, [sig-storage] and the claims of
[sig-node]."""
from network import life
from client import *
import client

client.CASES.clear()
STORAGE = "/apis/storage.k8s.io/v1/"


@case
def storage_objects(ns):
    nothing = lambda o: None
    life(ns, STORAGE + "storageclasses", {"metadata": {"name": "sc-" + ns}, "provisioner": "e2e-fake-provisioner"}, nothing)
    life(ns, STORAGE + "volumeattributesclasses", {"metadata": {"name": "vac-" + ns}, "driverName": "e2e-fake-driver", "parameters": {"a": "b"}}, nothing)
    life(ns, STORAGE + "csidrivers", {"metadata": {"name": "d-" + ns + ".example.com"}, "spec": {"attachRequired": False, "podInfoOnMount": True,
                                                                                             "volumeLifecycleModes": ["Persistent", "Ephemeral"]}}, nothing)
    life(ns, STORAGE + "csinodes", {"metadata": {"name": "csinode-" + ns}, "spec": {"drivers": []}}, nothing)
    life(ns, STORAGE + "namespaces/%s/csistoragecapacities" % ns, {"metadata": {"name": "cap"}, "storageClassName": "x", "nodeTopology": {}, "capacity": "1Gi"},
         lambda o: o.update(capacity="2Gi"))
    life(ns, STORAGE + "volumeattachments", {"metadata": {"name": "va-" + ns}, "spec": {"attacher": "e2e-attacher", "nodeName": "node1", "source": {"persistentVolumeName": "pv"}}},
         nothing, {"attached": True})


@case
def volumes_and_claims(ns):
    volumes, claims = "/api/v1/persistentvolumes", core(ns, "persistentvolumeclaims")
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": ns}
    post(volumes, {"metadata": {"name": "pv-" + ns, "labels": {"x": ns}}, "spec": dict(spec, capacity={"storage": "1Gi"}, persistentVolumeReclaimPolicy="Retain",
         csi={"driver": "e2e-driver", "volumeHandle": "h"}, nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}]}})})
    post(claims, {"metadata": {"name": "pvc", "labels": {"x": ns}}, "spec": dict(spec, resources={"requests": {"storage": "1Gi"}}, volumeName="")})
    equal(len(get(volumes + "?labelSelector=x=" + ns)["items"]), 1)
    equal(len(get("/api/v1/persistentvolumeclaims?labelSelector=x=" + ns)["items"]), 1)
    for path in (volumes + "/pv-" + ns, claims + "/pvc"):
        equal(merge(path, {"metadata": {"labels": {"patched": "true"}}})["metadata"]["labels"]["patched"], "true")
        def update():
            o = get(path)
            o["metadata"]["labels"]["updated"] = "true"
            try:
                return put(path, o)
            except Refused as e:
                assert e.status == 409, e
        wait("it is updated", update)
    equal(merge(volumes + "/pv-" + ns + "/status", {"status": {"message": "StatusPatched", "reason": "E2E"}})["status"]["reason"], "E2E")
    merge(claims + "/pvc/status", {"status": {"conditions": [{"type": "StatusPatched", "status": "True", "reason": "E2E"}]}})
    o = get(claims + "/pvc/status")
    o["status"]["conditions"].append({"type": "StatusUpdated", "status": "True"})
    put(claims + "/pvc/status", o)
    assert condition(get(claims + "/pvc"), "StatusUpdated") == "True"
    delete(claims + "?labelSelector=x=" + ns)
    wait("the claim is gone", lambda: not there(claims + "/pvc"))
    delete(volumes + "?labelSelector=x=" + ns)
    wait("the volume is gone", lambda: not there(volumes + "/pv-" + ns))


@case
def inline_volumes(ns):
    p = pod("p", "true", nodeSelector={"no": "node"}, volumes=[{"name": "v", "csi": {"driver": "e2e.example.com", "volumeAttributes": {"a": "b"}}}],
            container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, labels={"x": ns})
    equal(next(v for v in post(core(ns, "pods"), p)["spec"]["volumes"] if v["name"] == "v")["csi"]["driver"], "e2e.example.com")
    merge(core(ns, "pods", "p"), {"metadata": {"labels": {"y": "z"}}})
    delete(core(ns, "pods", "p"))
    wait("it is gone", lambda: not there(core(ns, "pods", "p")))


@case
def devices(ns):
    api = "/apis/resource.k8s.io/v1/"
    nothing = lambda o: None
    requests = {"devices": {"requests": [{"name": "req", "exactly": {"deviceClassName": "dc"}}]}}
    life(ns, api + "deviceclasses", {"metadata": {"name": "dc-" + ns}, "spec": {}}, nothing)
    life(ns, api + "namespaces/%s/resourceclaims" % ns, {"metadata": {"name": "rc"}, "spec": requests}, nothing)
    life(ns, api + "namespaces/%s/resourceclaimtemplates" % ns, {"metadata": {"name": "rct"}, "spec": {"spec": requests}}, nothing)
    life(ns, api + "resourceslices", {"metadata": {"name": "rs-" + ns}, "spec": {"driver": "dra.example.com", "nodeName": "node1", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
                                                                              "devices": [{"name": "d"}]}}, nothing)


if __name__ == "__main__":
    main()
