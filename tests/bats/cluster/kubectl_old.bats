#!/usr/bin/env bats
# Debian 12's kubectl 1.20 against a cluster: the same as with a newer one.

load ../../lib/host

H=old
CG=knarr-test-$H

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts OLD=$BATS_FILE_TMPDIR/kubectl
	case $(kubectl version --client --short 2>/dev/null) in
	*v1.20.*) OLD=$(command -v kubectl) ;;
	*) (cd "$BATS_FILE_TMPDIR" && apt-get download kubernetes-client >/dev/null 2>&1 && dpkg -x kubernetes-client_*.deb . && ln -s "$PWD/usr/bin/kubectl" kubectl) || true ;;
	esac
	[ -x "$OLD" ] || return 0
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

setup() { [ -x "$OLD" ] || skip "Debian's kubernetes-client cannot be had"; }

teardown_file() {
	[ -f "$HOST_BASE/$H/pid" ] || return 0
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

k() { host $H "$OLD" --kubeconfig /etc/kubernetes/admin.conf "$@"; }

@test "1.20: apply, rollout, get in every form, describe" {
	k apply -f "$REPO/examples/hello.yaml"
	k -n hello rollout status deployment/hello --timeout=60s
	k get nodes -o wide | grep -q Ready
	k -n hello get pods -o wide | grep -c Running | grep -qx 3
	k -n hello get deployment hello -o yaml | grep -q 'kind: Deployment'
	k -n hello get pods -o custom-columns=N:.metadata.name --sort-by=.metadata.creationTimestamp
	k -n hello get deployment hello -o 'jsonpath={.status.readyReplicas}' | grep -qx 3
	k -n hello describe deployment hello | grep -q RollingUpdate
	k -n hello describe pods | grep -q 'Started container'
	k describe node node1
}

@test "1.20: create, label, annotate, patch, edit, scale, set image, undo, delete" {
	k -n hello create configmap cm --from-literal=a=1
	k -n hello label configmap cm x=y
	k -n hello annotate configmap cm n=v
	k -n hello patch configmap cm -p '{"data":{"b":"2"}}'
	printf '#!/bin/sh\nsed -i "s/^  a: .*/  a: edited/" "$1"\n' >"$BATS_TEST_TMPDIR/editor"
	chmod +x "$BATS_TEST_TMPDIR/editor"
	host $H env EDITOR="$BATS_TEST_TMPDIR/editor" "$OLD" --kubeconfig /etc/kubernetes/admin.conf -n hello edit configmap cm
	[ "$(k -n hello get configmap cm -o 'jsonpath={.data.a}{.data.b}{.metadata.labels.x}{.metadata.annotations.n}')" = edited2yv ]
	k -n hello delete configmap cm
	k -n hello scale deployment hello --replicas=2
	k -n hello rollout status deployment/hello --timeout=60s
	k -n hello set image deployment/hello web=knarr-demo:1
	k -n hello set env deployment/hello A=b
	k -n hello rollout status deployment/hello --timeout=60s
	k -n hello rollout history deployment/hello | grep -q '^2'
	k -n hello rollout undo deployment/hello
	k -n hello rollout status deployment/hello --timeout=60s
	k create namespace more
	k -n more create deployment d --image=knarr-demo:1
	k -n more rollout status deployment/d --timeout=60s
	k delete namespace more --timeout=60s
}

@test "1.20: logs, exec, wait, get -w, events, api-resources, explain, validation" {
	k -n hello run one --image=knarr-demo:1 --restart=Never -- sh -c 'echo said; sleep 1000'
	k -n hello wait --for=condition=Ready pod/one --timeout=60s
	k -n hello logs one | grep -qx said
	[ "$(k -n hello exec one -- echo word)" = word ]
	[ "$(echo piped | k -n hello exec -i one -- cat)" = piped ]
	run k -n hello exec one -- sh -c 'exit 4'
	[ "$status" -eq 4 ]
	nsenter --target "$(cat "$HOST_BASE/$H/pid")" --net --mount -- "$OLD" --kubeconfig /etc/kubernetes/admin.conf -n hello get pods -w >"$BATS_TEST_TMPDIR/w" 3>&- 4>&- &
	watch=$!
	eventually 60 grep -q one "$BATS_TEST_TMPDIR/w"
	kill $watch
	k -n hello get events | grep -q Scheduled
	k api-resources | grep -q deployments
	k explain pod.spec.containers | grep -q imagePullPolicy
	k -n hello delete pod one --grace-period=1
	run k apply -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bad"},"spec":{"containers":[{"name":"c","image":"x","nonsense":1}]}}'
	[ "$status" -ne 0 ]
	[[ $output == *"unknown field"*"nonsense"* ]]
}
