#!/usr/bin/env bats
# A one-node cluster in a host of its own, driven by real kubectl.
# bats file_tags=cluster

load ../../lib/host

H=e2e
CG=knarr-test-$H

k() { host $H kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
	k apply -f "$REPO/examples/hello.yaml"
	k -n hello rollout status deployment/hello --timeout=60s
}

teardown_file() {
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

# Three pods, none of them on its way out.
settled() { [ "$(k -n hello get pods -l app=hello --no-headers | grep -c Running)" = 3 ] && [ "$(k -n hello get pods -l app=hello --no-headers | wc -l)" = 3 ]; }

pod() { k -n hello get pods -l app=hello -o "jsonpath={.items[${1:-0}].metadata.name}"; }

# said LINES: what the pod has printed by now
said() { [ "$(k -n hello logs teller | wc -l)" -ge "$1" ]; }

# refused TOKEN: it is no credential any more
refused() { run with "$1" -n hello get configmap greeting; [[ $output == *"Unauthorized"* || $output == *"must be logged in"* ]]; }

# is RESOURCE JSONPATH VALUE
is() { [ "$(k -n "${NS:-hello}" get "$1" -o "jsonpath=$2" 2>/dev/null)" = "$3" ]; }

@test "up again changes nothing" {
	before=$(cat "$HOST_BASE/$H/"pid; host $H cat /run/knarr/server.pid /run/knarr/agent.pid)
	run host $H "$BIN/knarr" up --no-systemd
	[ "$status" -eq 0 ]
	[ "$before" = "$(cat "$HOST_BASE/$H/"pid; host $H cat /run/knarr/server.pid /run/knarr/agent.pid)" ]
	run host $H "$BIN/knarr" status
	[ "$status" -eq 0 ]
	[[ $output == *"node       Ready     node1"* ]]
}

@test "the node's certificates are files that its agent exchanges" {
	host $H grep -q 'client-certificate: "\?/etc/kubernetes/pki/node/client.pem' /etc/kubernetes/agent.conf
	for pem in client server; do [ "$(stat -c %a "$HOST_BASE/$H/etc/kubernetes/pki/node/$pem.pem")" = 600 ]; done
	[ "$(host $H ls /etc/kubernetes/pki/node)" = $'client.pem\nserver.pem' ]
	tr '\0' '\n' <"/proc/$(host $H cat /run/knarr/agent.pid)/cmdline" | grep -qx -- --rotate-server-certificates=true
	if host $H grep -q 'certificate is not renewed' /var/log/knarr/agent.log; then false; fi
}

@test "the node says what it is" {
	[ "$(k get node node1 -o 'jsonpath={.status.capacity.pods}')" = 110 ]
	[ "$(k get node node1 -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')" = 192.168.77.2 ]
	k -n kube-node-lease get lease node1
	run k get nodes
	[[ $output == *"node1"*"Ready"* ]]
}

@test "the node watches each resource of the cluster once" {
	# What is open now: nobody else watches these from outside.
	watches() { k get --raw /metrics | awk -v r="resource=\"$1\"" '/^apiserver_longrunning_requests/ && /verb="WATCH"/ && index($0, r) { n += $NF } END { print n + 0 }'; }
	for resource in services endpointslices nodes namespaces networkpolicies; do
		[ "$(watches $resource)" = 1 ]
	done
}

@test "each replica answers through ClusterIP and NodePort" {
	ip=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	for url in "http://$ip/cgi-bin/index.cgi" "http://192.168.77.2:30080/cgi-bin/index.cgi"; do
		eventually 60 host $H curl -fsS --max-time 5 "$url"
		names=$(for _ in $(seq 40); do host $H curl -fsS --max-time 20 "$url"; done | sort -u)
		[ "$(echo "$names" | wc -l)" -eq 3 ]
		for n in 0 1 2; do echo "$names" | grep -qx "hello from $(pod $n)"; done
	done
}

@test "a pod's address is the same from inside, from another pod and from the node" {
	a=$(pod 0) b=$(pod 1)
	ip=$(k -n hello get pod "$a" -o 'jsonpath={.status.podIP}')
	k -n hello exec "$a" -- ip -4 addr show eth0 | grep -q "inet $ip/24"
	[ "$(k -n hello exec "$b" -- wget -qO- "http://$ip:8080/cgi-bin/index.cgi")" = "hello from $a" ]
	[ "$(host $H curl -fsS "http://$ip:8080/cgi-bin/index.cgi")" = "hello from $a" ]
	svc=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	for _ in $(seq 6); do k -n hello exec "$a" -- wget -qO- "http://$svc/cgi-bin/index.cgi"; done
}

@test "containers of a pod share its namespaces through pause" {
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: two, namespace: hello}
	spec:
	  terminationGracePeriodSeconds: 1
	  containers:
	  - {name: a, image: knarr-demo:1, command: [sh, -c, "httpd -f -p 9000 -h /www"]}
	  - {name: b, image: knarr-demo:1, command: [sleep, "1000"]}
	YAML
	k -n hello wait --for=condition=Ready pod/two --timeout=60s
	for ns in net ipc uts; do
		[ "$(k -n hello exec two -c a -- readlink /proc/self/ns/$ns)" = "$(k -n hello exec two -c b -- readlink /proc/self/ns/$ns)" ]
	done
	[ "$(k -n hello exec two -c a -- readlink /proc/self/ns/mnt)" != "$(k -n hello exec two -c b -- readlink /proc/self/ns/mnt)" ]
	k -n hello exec two -c b -- wget -qO- http://127.0.0.1:9000/cgi-bin/index.cgi
	k -n hello delete pod two --wait=true --timeout=60s
}

@test "kubectl reads: wide, yaml, jsonpath, columns, sort, describe, events, api-resources, explain" {
	k -n hello get pods -o wide | grep -q 10.244.0
	k -n hello get deployment hello -o yaml | grep -q 'kind: Deployment'
	k -n hello get pods -o custom-columns=N:.metadata.name,P:.status.phase | grep -q Running
	k -n hello get pods --sort-by=.metadata.creationTimestamp
	k -n hello describe pod "$(pod)" | grep -q 'Started container'
	k describe node node1 | grep -q 'kubernetes.io/hostname=node1'
	k -n hello describe service hello | grep -q 'NodePort: *http  *30080/TCP'
	k -n hello get events | grep -q Scheduled
	! k events --help >/dev/null 2>&1 || k -n hello events | grep -q Created
	k api-resources | grep -q deployments
	k explain pod.spec.containers | grep -q imagePullPolicy
	k version
	k cluster-info
}

@test "kubectl writes: create, label, annotate, patch, edit, scale, delete" {
	k -n hello create configmap cm --from-literal=a=1
	k -n hello label configmap cm x=y
	k -n hello annotate configmap cm note=hi
	k -n hello patch configmap cm -p '{"data":{"b":"2"}}'
	k -n hello patch configmap cm --type=json -p '[{"op":"replace","path":"/data/a","value":"3"}]'
	k -n hello patch configmap cm --type=merge -p '{"data":{"b":null}}'
	[ "$(k -n hello get configmap cm -o 'jsonpath={.data.a}{.data.b}{.metadata.labels.x}{.metadata.annotations.note}')" = 3yhi ]
	printf '#!/bin/sh
sed -i "s/^  a: .*/  a: edited/" "$1"
' >"$BATS_TEST_TMPDIR/editor"
	chmod +x "$BATS_TEST_TMPDIR/editor"
	host $H env EDITOR="$BATS_TEST_TMPDIR/editor" kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello edit configmap cm
	[ "$(k -n hello get configmap cm -o 'jsonpath={.data.a}')" = edited ]
	k -n hello delete configmap cm
	k -n hello scale deployment hello --replicas=4
	k -n hello rollout status deployment/hello --timeout=60s
	k -n hello scale deployment hello --replicas=3
	eventually 60 settled
	k create namespace tmp
	k -n tmp create secret generic s --from-literal=p=q
	k -n tmp create deployment d --image=knarr-demo:1
	k -n tmp rollout status deployment/d --timeout=60s
	k delete namespace tmp --timeout=60s
	run k get namespace tmp
	[ "$status" -ne 0 ]
}

@test "a rollout replaces pods, keeps history, and can be undone" {
	k -n hello set env deployment/hello COLOR=blue
	k -n hello rollout status deployment/hello --timeout=60s
	eventually 60 settled
	k -n hello exec "$(pod)" -- env | grep -q COLOR=blue
	k -n hello rollout history deployment/hello | grep -q '^2'
	k -n hello rollout undo deployment/hello
	k -n hello rollout status deployment/hello --timeout=60s
	eventually 60 is deployment/hello '{.spec.template.spec.containers[0].env}' ''
	run k -n hello set image deployment/hello web=nowhere.example/none:1
	eventually 60 sh -c "nsenter --target $(cat "$HOST_BASE/$H/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello get events | grep -qE 'ErrImagePull|ImagePullBackOff|Failed to pull'"
	k -n hello rollout undo deployment/hello
	k -n hello rollout status deployment/hello --timeout=60s
	eventually 60 settled
}

@test "logs: whole, tail, previous, follow" {
	p=$(pod)
	k -n hello logs "$p" | grep -q 'serving on port 8080'
	[ "$(k -n hello logs "$p" --tail=1 | wc -l)" -eq 1 ]
	k -n hello logs -l app=hello --prefix | grep -c serving | grep -qx 3
	k -n hello run ticker --image=knarr-demo:1 --restart=Never -- sh -c 'echo tick 1; while [ ! -e /tmp/go ]; do sleep 0.1; done; for i in 2 3 4 5; do echo tick $i; sleep 0.1; done'
	k -n hello wait --for=condition=Ready pod/ticker --timeout=60s
	nsenter --target "$(cat "$HOST_BASE/$H/pid")" --net --mount -- timeout 120 kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello logs -f ticker >"$BATS_TEST_TMPDIR/follow" 3>&- 4>&- &
	follower=$!
	eventually 60 grep -q 'tick 1' "$BATS_TEST_TMPDIR/follow"
	k -n hello exec ticker -- touch /tmp/go
	wait $follower
	[ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/follow")" = "tick 1 tick 2 tick 3 tick 4 tick 5 " ]
	eventually 60 is pod/ticker '{.status.phase}' Succeeded
	k -n hello delete pod ticker --timeout=60s
	host $H sh -c 'ls /var/log/containers/*hello*web*.log'
}

@test "exec: output, exit code, standard input, terminal" {
	p=$(pod)
	[ "$(k -n hello exec "$p" -- sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
	run k -n hello exec "$p" -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
	[ "$(echo piped | k -n hello exec -i "$p" -- cat)" = piped ]
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	[ "$(k -n hello exec -i "$p" -- sha256sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" = "$(sha256sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" ]
	run k -n hello exec "$p" -- /no/such/program
	[ "$status" -ne 0 ]
	[[ $output == *"no such file"* || $output == *"not found"* ]]
	out=$(script -qec "nsenter --target $(cat "$HOST_BASE/$H/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello exec -it $p -- sh -c 'tty; stty size'" /dev/null </dev/null)
	[[ $out == *"/dev/pts/"* ]]
}

# As k, but with the protocol that clients spoke before WebSockets.
k_spdy() {
	host $H env KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false KUBECTL_PORT_FORWARD_WEBSOCKETS=false kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"
}

@test "exec over SPDY: output, input, exit codes, a terminal" {
	p=$(pod)
	[ "$(k_spdy -n hello exec "$p" -- echo word)" = word ]
	run k_spdy -n hello exec "$p" -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	[ "$(k_spdy -n hello exec -i "$p" -- sha256sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" = "$(sha256sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" ]
	[ "$(k_spdy -n hello exec "$p" -- sh -c 'dd if=/dev/zero bs=1M count=20 2>/dev/null' | wc -c)" = 20971520 ]
	out=$(script -qec "nsenter --target $(cat "$HOST_BASE/$H/pid") --net --mount -- env KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello exec -it $p -- tty" /dev/null </dev/null)
	[[ $out == *"/dev/pts/"* ]]
}

# forwarded WEBSOCKETS: several requests through kubectl port-forward, and one to a port where nobody listens.
forwarded() {
	p=$(pod)
	host $H env KUBECTL_PORT_FORWARD_WEBSOCKETS="$1" kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello port-forward "$p" 18080:8080 18081:9999 >"$BATS_TEST_TMPDIR/forward" 2>&1 3>&- &
	client=$!
	eventually 60 grep -q 'Forwarding from 127.0.0.1:18081' "$BATS_TEST_TMPDIR/forward"
	for _ in 1 2 3; do
		host $H curl -s -m 20 http://127.0.0.1:18080/ | grep -q "hello from ${p#pod/}"
	done
	run host $H curl -s -m 20 http://127.0.0.1:18081/
	[ "$status" -ne 0 ]
	eventually 60 grep -qi 'connection refused' "$BATS_TEST_TMPDIR/forward"
	kill "$client" 2>/dev/null || true
	wait "$client" || true
}

@test "port-forward over SPDY and inside a WebSocket" {
	forwarded false
	forwarded true
}

@test "a container that fails is restarted with back-off, one that is done is not" {
	k -n hello run crash --image=knarr-demo:1 -- sh -c 'echo going; exit 3'
	eventually 60 is pod/crash '{.status.containerStatuses[0].lastState.terminated.exitCode}' 3
	eventually 60 is pod/crash '{.status.containerStatuses[0].state.waiting.reason}' CrashLoopBackOff
	k -n hello logs crash --previous | grep -q going
	backs_off() { k -n hello get pod crash | grep -q CrashLoopBackOff; }
	eventually 60 backs_off
	k -n hello delete pod crash --timeout=60s
	k -n hello run done --image=knarr-demo:1 --restart=OnFailure -- true
	eventually 60 is pod/done '{.status.phase}' Succeeded
	k -n hello delete pod done
}

@test "probes decide readiness and restarts" {
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: probed, namespace: hello}
	spec:
	  terminationGracePeriodSeconds: 1
	  containers:
	  - name: c
	    image: knarr-demo:1
	    command: [sh, -c, "touch /tmp/ready /tmp/live; httpd -f -p 8080 -h /www"]
	    readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}
	    livenessProbe: {exec: {command: [test, -e, /tmp/live]}, periodSeconds: 1, failureThreshold: 2}
	    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
	YAML
	k -n hello wait --for=condition=Ready pod/probed --timeout=60s
	k -n hello exec probed -- rm /tmp/ready
	k -n hello wait --for=condition=Ready=false pod/probed --timeout=60s
	k -n hello exec probed -- rm /tmp/live
	eventually 60 is pod/probed '{.status.containerStatuses[0].restartCount}' 1
	k -n hello describe pod probed | grep -q 'Liveness probe failed'
	k -n hello delete pod probed --timeout=60s
}

@test "volumes: config map, secret, emptyDir, hostPath; env from both" {
	host $H sh -c 'mkdir -p /var/host && echo hosted >/var/host/f'
	k -n hello create secret generic sec --from-literal=pass=word
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: vols, namespace: hello, labels: {l: v}}
	spec:
	  terminationGracePeriodSeconds: 1
	  volumes:
	  - {name: s, secret: {secretName: sec, defaultMode: 256}}
	  - {name: c, configMap: {name: greeting, items: [{key: text, path: sub/t}]}}
	  - {name: e, emptyDir: {}}
	  - {name: m, emptyDir: {medium: Memory}}
	  - {name: h, hostPath: {path: /var/host, type: Directory}}
	  containers:
	  - name: c
	    image: knarr-demo:1
	    command: [sleep, "1000"]
	    env:
	    - {name: PASS, valueFrom: {secretKeyRef: {name: sec, key: pass}}}
	    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
	    - {name: SUM, value: "\$(PASS)-x"}
	    envFrom: [{configMapRef: {name: greeting}, prefix: G_}]
	    volumeMounts:
	    - {name: s, mountPath: /s, readOnly: true}
	    - {name: c, mountPath: /c}
	    - {name: e, mountPath: /e}
	    - {name: m, mountPath: /m}
	    - {name: h, mountPath: /h}
	    - {name: e, mountPath: /sub, subPath: a/b}
	YAML
	k -n hello wait --for=condition=Ready pod/vols --timeout=60s
	x() { k -n hello exec vols -- "$@"; }
	[ "$(x cat /s/pass)" = word ]
	[ "$(x stat -L -c %a /s/pass)" = 400 ]
	[ "$(x cat /c/sub/t)" = hello ]
	x sh -c 'echo 1 >/e/f && echo 2 >/m/f && echo 3 >/sub/f'
	[ "$(x cat /e/a/b/f)" = 3 ]
	x sh -c 'mount | grep -q " /m type tmpfs"'
	[ "$(x cat /h/f)" = hosted ]
	[ "$(x sh -c 'echo $PASS $G_text $SUM')" = "word hello word-x" ]
	[ "$(x sh -c 'echo $IP')" = "$(k -n hello get pod vols -o 'jsonpath={.status.podIP}')" ]
	run x sh -c 'echo no >/s/pass'
	[ "$status" -ne 0 ]
	k -n hello delete pod vols secret/sec --timeout=60s 2>/dev/null || { k -n hello delete pod vols; k -n hello delete secret sec; }
}

@test "a pod's token is its account's: the API knows it, roles allow it, and it ends with the pod" {
	k apply -f - <<-YAML
	apiVersion: v1
	kind: ServiceAccount
	metadata: {name: teller, namespace: hello}
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: Role
	metadata: {name: teller, namespace: hello}
	rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: RoleBinding
	metadata: {name: teller, namespace: hello}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: teller}
	subjects: [{kind: ServiceAccount, name: teller}]
	YAML
	place=/var/run/secrets/kubernetes.io/serviceaccount
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: teller, namespace: hello}
	spec:
	  serviceAccountName: teller
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: c
	    image: knarr-demo:1
	    command: [sh, -c, "cat $place/token; echo; cat $place/namespace; echo; stat -L -c %a $place/token; mount | grep $place; exec sleep 1000"]
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: silent, namespace: hello}
	spec:
	  automountServiceAccountToken: false
	  terminationGracePeriodSeconds: 0
	  containers: [{name: c, image: knarr-demo:1, command: [sh, -c, "ls $place; exec sleep 1000"]}]
	YAML
	k -n hello wait --for=condition=Ready pod/teller pod/silent --timeout=60s
	eventually 60 said 4
	token=$(k -n hello exec teller -- cat "$place/token")
	[ "$(k -n hello logs teller | sed -n 1p)" = "$token" ]
	[ "$(k -n hello logs teller | sed -n 2p)" = hello ]
	[ "$(k -n hello logs teller | sed -n 3p)" = 644 ]
	[[ $(k -n hello logs teller | sed -n 4p) == *"type tmpfs (ro,"* ]]
	run k -n hello logs silent
	[[ $output == *"No such file"* ]]
	with() { host $H kubectl --kubeconfig /dev/null --server "$(k config view -o 'jsonpath={.clusters[0].cluster.server}')" --certificate-authority /etc/kubernetes/pki/ca.crt --token "$@"; }
	run with "$token" auth whoami -o json
	[ "$status" -eq 0 ]
	[ "$(jq -r .status.userInfo.username <<<"$output")" = system:serviceaccount:hello:teller ]
	[ "$(jq -r '.status.userInfo.extra["authentication.kubernetes.io/pod-name"][0]' <<<"$output")" = teller ]
	[ "$(jq -r '.status.userInfo.extra["authentication.kubernetes.io/node-name"][0]' <<<"$output")" = node1 ]
	with "$token" -n hello get configmap greeting
	run with "$token" -n hello get secrets
	[[ $output == *'User "system:serviceaccount:hello:teller" cannot list resource "secrets"'* ]]
	run with "${token}x" -n hello get configmap greeting
	[ "$status" -ne 0 ]
	# A node gets tokens of its own pods only.
	run host $H kubectl --kubeconfig /etc/kubernetes/agent.conf -n hello create token teller
	[[ $output == *"node requested token not bound to a pod"* ]]
	k -n hello delete pod teller silent --timeout=60s
	eventually 60 refused "$token"
	k -n hello delete rolebinding/teller role/teller serviceaccount/teller
}

@test "a container is confined: capabilities, seccomp, masked paths, limits" {
	p=$(pod)
	x() { k -n hello exec "$p" -- "$@"; }
	x grep -q '^CapEff:.*00000000a80425fb' /proc/1/status
	x grep -q '^Seccomp:.*2' /proc/1/status
	run x mount -t tmpfs none /tmp
	[ "$status" -ne 0 ]
	run x cat /proc/kcore
	[ "$status" -ne 0 ]
	k -n hello run hog --image=knarr-demo:1 --restart=Never --overrides='{"spec":{"containers":[{"name":"hog","image":"knarr-demo:1","command":["sh","-c","x=a; while :; do x=$x$x; done"],"resources":{"limits":{"memory":"20Mi"}}}]}}'
	eventually 60 is pod/hog '{.status.containerStatuses[0].state.terminated.reason}' OOMKilled
	k -n hello delete pod hog
}

@test "an invalid manifest gets causes that name the fields" {
	run k create -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: bad}
	spec:
	  containers:
	  - {name: C_, image: x, ports: [{containerPort: 70000}]}
	YAML
	[ "$status" -ne 0 ]
	[[ $output == *"spec.containers[0].name: Invalid value: \"C_\""* ]]
	[[ $output == *"spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"* ]]
}

@test "a broken network configuration is told by an event and heals" {
	host $H mv /etc/cni/net.d/10-knarr.conflist /etc/cni/net.d/saved
	echo '{"cniVersion":"1.0.0","name":"broken","plugins":[{"type":"no-such-plugin"}]}' | host $H tee /etc/cni/net.d/00-broken.conflist >/dev/null
	k -n hello run netless --image=knarr-demo:1 -- sleep 100
	eventually 60 sh -c "nsenter --target $(cat "$HOST_BASE/$H/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello get events | grep -q 'no-such-plugin'"
	is pod/netless '{.status.containerStatuses[0].state.waiting.reason}' ContainerCreating
	host $H rm /etc/cni/net.d/00-broken.conflist
	host $H mv /etc/cni/net.d/saved /etc/cni/net.d/10-knarr.conflist
	eventually 60 is pod/netless '{.status.phase}' Running
	k -n hello delete pod netless --grace-period=1
}

# ready STATUS TEXT: the node's condition and a part of its message
ready() {
	[ "$(k get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = "$1" ] &&
		[[ $(k get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}') == *"$2"* ]]
}

@test "the node is ready as long as its network plugins say so" {
	host $H tee /opt/cni/bin/moody >/dev/null <<-'SH'
		#!/bin/sh
		[ "$CNI_COMMAND" = STATUS ] && [ -e /run/moody ] && { cat /run/moody; exit 1; }
		exit 0
	SH
	host $H chmod 755 /opt/cni/bin/moody
	echo '{"cniVersion":"1.1.0","code":50,"msg":"the fabric is away","details":"port 3"}' | host $H tee /run/moody >/dev/null
	echo '{"cniVersion":"1.1.0","name":"moody","plugins":[{"type":"moody"}]}' | host $H tee /etc/cni/net.d/00-moody.conflist >/dev/null
	eventually 60 ready False 'NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: plugin "moody": the fabric is away: port 3'
	# Not the configuration has changed, but what the plugin says: the node asks again by itself.
	echo '{"cniVersion":"1.1.0","code":51,"msg":"few addresses"}' | host $H tee /run/moody >/dev/null
	eventually 60 ready False 'plugin "moody": few addresses'
	host $H rm /run/moody
	eventually 60 ready True 'kubelet is posting ready status'
	echo '#!/bin/sh
	exec sleep 60' | host $H tee /opt/cni/bin/moody >/dev/null
	eventually 60 ready False 'plugin "moody" did not end within 5000 ms'
	host $H rm /etc/cni/net.d/00-moody.conflist
	eventually 60 ready True 'kubelet is posting ready status'
	k -n hello get events -A --field-selector reason=NodeNotReady --no-headers | grep -q node1
	no_plugin() { [ -z "$(host_pids $H | while read -r p; do tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null; echo; done | grep 'sleep 60')" ]; }
	eventually 60 no_plugin
	host $H rm /opt/cni/bin/moody
}

@test "a static pod runs and shows as a mirror" {
	host $H tee /etc/kubernetes/manifests/s.yaml >/dev/null <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: static, namespace: hello}
	spec:
	  terminationGracePeriodSeconds: 1
	  containers: [{name: c, image: knarr-demo:1, command: [sleep, "1000"]}]
	YAML
	eventually 60 is pod/static-node1 '{.status.phase}' Running
	host $H rm /etc/kubernetes/manifests/s.yaml
	gone() { ! k -n hello get pod static-node1; }
	eventually 60 gone
}

@test "watch, wait and get -w see changes" {
	nsenter --target "$(cat "$HOST_BASE/$H/pid")" --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello get pods \
		-w --output-watch-events >"$BATS_TEST_TMPDIR/watch" 3>&- &
	w=$!
	eventually 60 grep -q ADDED "$BATS_TEST_TMPDIR/watch"
	k -n hello run seen --image=knarr-demo:1 -- sleep 100
	k -n hello wait --for=condition=Ready pod/seen --timeout=60s
	k -n hello delete pod seen --grace-period=1 --timeout=60s
	eventually 60 grep -q 'ADDED.*seen' "$BATS_TEST_TMPDIR/watch"
	eventually 60 grep -q 'DELETED.*seen' "$BATS_TEST_TMPDIR/watch"
	kill $w
}

@test "deleting pods leaves no namespace, mount, cgroup or process behind" {
	alone() { [ "$(host $H ls /run/knarr/pods | wc -l)" = "$(k get pods -A --no-headers | wc -l)" ] && [ "$(host $H ls /run/netns | wc -l)" = "$(host $H ls /run/knarr/pods | wc -l)" ]; }
	eventually 60 alone
	before=$(host $H sh -c 'ls /run/netns | wc -l; grep -c /run/knarr /proc/mounts; ls /run/knarr/pods | wc -l')
	for i in 1 2 3 4 5; do k -n hello run p$i --image=knarr-demo:1 -- sleep 1000; done
	for i in 1 2 3 4 5; do k -n hello wait --for=condition=Ready pod/p$i --timeout=60s; done
	k -n hello delete pod p1 p2 p3 p4 p5 --grace-period=1 --timeout=60s
	same() { [ "$before" = "$(host $H sh -c 'ls /run/netns | wc -l; grep -c /run/knarr /proc/mounts; ls /run/knarr/pods | wc -l')" ]; }
	eventually 60 same
}

# asked PATH [curl arguments]: the status of an answer of the agent itself
asked() {
	local path=$1
	shift
	host $H curl -sk -o /dev/null -w '%{http_code}' "$@" "https://192.168.77.2:10250$path"
}

@test "pages of a service and of the node through the API server" {
	name=$(pod)
	uid=$(k -n hello get pod "$name" -o 'jsonpath={.metadata.uid}')
	port=$(k -n hello get service hello -o 'jsonpath={.spec.ports[0].port}')
	[ "$(k get --raw "/api/v1/namespaces/hello/services/hello:$port/proxy/" | wc -c)" -gt 0 ]
	[ "$(k get --raw "/api/v1/namespaces/hello/pods/$name/proxy/" | wc -c)" -gt 0 ]
	[ "$(k get --raw /api/v1/nodes/node1/proxy/healthz)" = ok ]
	k get --raw /api/v1/nodes/node1/proxy/pods | jq -e --arg u "$uid" '.items[].metadata | select(.uid == $u)'
	k get --raw /api/v1/nodes/node1/proxy/runningpods/ | jq -e --arg u "$uid" '.items[].metadata | select(.uid == $u)'
	k get --raw /api/v1/nodes/node1/proxy/configz | jq -e '.kubeletconfig.maxPods == 110'
	summary=$(k get --raw /api/v1/nodes/node1/proxy/stats/summary)
	jq -e '.node.cpu.usageCoreNanoSeconds > 0 and .node.memory.workingSetBytes > 0' <<<"$summary"
	jq -e --arg u "$uid" '.pods[] | select(.podRef.uid == $u) | .containers[0].memory.workingSetBytes > 0 and .network.interfaces[0].rxBytes >= 0' <<<"$summary"
	k get --raw /api/v1/nodes/node1/proxy/metrics/resource | grep -q "^container_cpu_usage_seconds_total{container=\"[a-z]*\",namespace=\"hello\",pod=\"$name\"} [0-9]"
	k get --raw /api/v1/nodes/node1/proxy/metrics/cadvisor | grep -q "^container_memory_rss{.*pod=\"$name\"} [0-9]"
	k get --raw /api/v1/nodes/node1/proxy/metrics | grep -q '^kubelet_running_pods [1-9]'
	k get --raw /api/v1/nodes/node1/proxy/metrics | grep -q '^coredns_'
	jq -e '.node.cpu.usageNanoCores > 0 and .node.fs.inodesUsed > 0' <<<"$summary"
	jq -e --arg u "$uid" '.pods[] | select(.podRef.uid == $u) | .containers[0] | .cpu.usageNanoCores >= 0 and .rootfs.usedBytes > 0 and .logs.inodesUsed > 0' <<<"$summary"
	for series in container_start_time_seconds container_spec_memory_limit_bytes container_last_seen; do
		k get --raw /api/v1/nodes/node1/proxy/metrics/cadvisor | grep -q "^$series{container=\"[a-z]*\",.*pod=\"$name\"} [0-9]"
	done
	k get --raw /api/v1/nodes/node1/proxy/metrics/cadvisor | grep -q "^container_network_receive_bytes_total{.*interface=\"eth0\".*pod=\"$name\"} [1-9]"
	k get --raw /api/v1/nodes/node1/proxy/metrics/probes | grep -q "^prober_probe_total{container=\"[a-z]*\",namespace=\"hello\",pod=\"$name\",pod_uid=\"[0-9a-f-]*\",probe_type=\"Readiness\",result=\"successful\"} [1-9]"
}

@test "the proxy in the agent tells its health and figures where kube-proxy does" {
	host $H curl -fsS --max-time 5 http://192.168.77.2:10256/healthz | jq -e '.nodeEligible'
	host $H curl -fsS --max-time 5 http://127.0.0.1:10249/metrics | grep -q '^kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} [1-9]'
	[ "$(host $H curl -fsS --max-time 5 http://127.0.0.1:10249/proxyMode)" = nftables ]
	run host $H curl -fsS --max-time 5 http://192.168.77.2:10249/metrics
	[ "$status" -ne 0 ]
	k get --raw /api/v1/nodes/node1/proxy/metrics | grep -q '^kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} [1-9]'
	k get --raw /api/v1/nodes/node1/proxy/metrics | grep -q '^process_resident_memory_bytes [1-9]'
}

# logs PATH: what the node tells below /logs
logs() { k get --raw "/api/v1/nodes/node1/proxy/logs/$1"; }

@test "the node's log files, and nothing beside them" {
	host $H sh -c 'mkdir -p /var/log/own/"a b"; echo one line >/var/log/own/x.log; head -c 300000 /dev/zero >/var/log/own/large
		ln -sfn /etc /var/log/own/etc; ln -sf /etc/hostname /var/log/own/name; ln -sf x.log /var/log/own/link; mkfifo /var/log/own/pipe'
	logs "" | grep -q 'href=".*own/"'
	logs own/ | grep -q '>a b/</a>'
	logs own/ | grep -q '>x.log</a>'
	[ "$(logs own/x.log)" = "one line" ]
	[ "$(logs own/link)" = "one line" ]
	[ "$(logs own/large | wc -c)" -eq 300000 ]
	for path in own/etc/passwd own/etc/ own/name own/pipe own/none own/..%2f..%2f..%2fetc/passwd; do
		run logs "$path"
		[ "$status" -ne 0 ]
	done
	key="--cert /etc/kubernetes/pki/admin.crt --key /etc/kubernetes/pki/admin.key"
	[ "$(asked /logs/own/x.log $key)" = 200 ]
	[ "$(asked /logs $key)" = 301 ]
	[ "$(asked /logs/own $key)" = 301 ]
	[ "$(asked /logs/own/pipe $key)" = 403 ]
	[ "$(asked /logs/../../etc/passwd $key --path-as-is)" = 404 ]
	[ "$(asked /logs/own/x.log $key -X POST)" = 405 ]
	[ "$(asked /logs/own/x.log)" = 401 ]
	host $H rm -r /var/log/own
}

allowed() { [ "$(asked "$1" -H "Authorization: Bearer $other")" = 200 ]; }

@test "the agent asks who may ask it" {
	[ "$(asked /pods)" = 401 ]
	[ "$(asked /healthz)" = 401 ]
	[ "$(asked /metrics -H 'Authorization: Bearer nonsense')" = 401 ]
	k -n hello create serviceaccount monitor
	token=$(k -n hello create token monitor)
	[ "$(asked /metrics -H "Authorization: Bearer $token")" = 403 ]
	k create clusterrole node-metrics --verb=get --resource=nodes/metrics,nodes/stats,nodes/pods
	k create clusterrolebinding node-metrics --clusterrole=node-metrics --serviceaccount=hello:reader
	k -n hello create serviceaccount reader # what was refused is remembered for half a minute: another one
	other=$(k -n hello create token reader)
	for path in /metrics /metrics/resource /metrics/cadvisor /stats/summary /pods; do
		eventually 60 allowed $path
	done
	[ "$(asked /containerLogs/hello/x/y -H "Authorization: Bearer $other")" = 403 ]
	[ "$(asked /exec/hello/x/y -X POST -H "Authorization: Bearer $other")" = 403 ]
	[ "$(asked /configz -H "Authorization: Bearer $other")" = 403 ]
	run host $H curl -sk -H "Authorization: Bearer $other" https://192.168.77.2:10250/configz
	[ "$output" = "Forbidden (user=system:serviceaccount:hello:reader, verb=get, resource=nodes, subresource(s)=[configz proxy])" ]
	k delete clusterrole/node-metrics clusterrolebinding/node-metrics
}
