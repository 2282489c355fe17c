#!/usr/bin/env bats
# The API server alone, driven by curl and kubectl on loopback.

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-api.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
	export PORT="$(cat "$DIR/port")" KUBECONFIG="$DIR/admin.conf"
}

teardown_file() {
	end_process "$(cat "$DIR/pid")"
	rm -rf "$DIR"
}

api() { # METHOD PATH [curl arguments]
	local method=$1 path=$2
	shift 2
	curl -s --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" "$@" \
		"https://127.0.0.1:$PORT$path"
}

@test "health, version, anonymous and unknown users" {
	run curl -s --cacert "$DIR/pki/ca.crt" "https://127.0.0.1:$PORT/healthz"
	[ "$output" = ok ]
	run curl -s -o /dev/null -w '%{http_code}' --cacert "$DIR/pki/ca.crt" "https://127.0.0.1:$PORT/api/v1/pods"
	[ "$output" = 403 ]
	run curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer x' --cacert "$DIR/pki/ca.crt" "https://127.0.0.1:$PORT/api"
	[ "$output" = 401 ]
	api GET /version | grep -q '"minor":"36"'
	api GET '/readyz?verbose' | grep -q 'readyz check passed'
}

@test "kubectl: create, get, label, patch, delete" {
	kubectl create configmap c --from-literal=k=v
	[ "$(kubectl get configmap c -o 'jsonpath={.data.k}')" = v ]
	kubectl label configmap c x=y
	kubectl get configmap -l x=y | grep -q '^c '
	kubectl patch configmap c --type merge -p '{"data":{"k":"w"}}'
	[ "$(kubectl get configmap c -o 'jsonpath={.data.k}')" = w ]
	kubectl delete configmap c
	run kubectl get configmap c
	[ "$status" -ne 0 ]
	[[ "$output" == *'configmaps "c" not found'* ]]
}

@test "kubectl: apply twice, explain, api-resources, can-i" {
	local f="$DIR/d.yaml"
	kubectl create deployment web --image=nginx --replicas=2 --dry-run=client -o yaml | grep -v creationTimestamp >"$f"
	kubectl apply -f "$f"
	run kubectl apply -f "$f"
	[[ "$output" == *unchanged* ]]
	kubectl scale deployment web --replicas=5
	[ "$(kubectl get deployment web -o 'jsonpath={.spec.replicas} {.metadata.generation}')" = '5 2' ]
	kubectl explain deployment.spec.replicas | grep -q integer
	kubectl api-resources | grep -q '^pods '
	[ "$(kubectl auth can-i delete nodes)" = yes ]
	kubectl delete deployment web
}

@test "optimistic concurrency and preconditions" {
	api POST /api/v1/namespaces/default/configmaps -H 'Content-Type: application/json' \
		-d '{"metadata":{"name":"o"},"data":{"a":"1"}}' >"$DIR/o.json"
	local rv
	rv=$(sed 's/.*"resourceVersion":"\([0-9]*\)".*/\1/' "$DIR/o.json")
	api PUT /api/v1/namespaces/default/configmaps/o -d "{\"metadata\":{\"name\":\"o\",\"resourceVersion\":\"$rv\"},\"data\":{\"a\":\"2\"}}" \
		-H 'Content-Type: application/json' | grep -q '"a":"2"'
	api PUT /api/v1/namespaces/default/configmaps/o -d "{\"metadata\":{\"name\":\"o\",\"resourceVersion\":\"$rv\"},\"data\":{\"a\":\"3\"}}" \
		-H 'Content-Type: application/json' | grep -q 'the object has been modified'
	api DELETE /api/v1/namespaces/default/configmaps/o | grep -q Success
}

@test "pages of a list show one state" {
	for i in 1 2 3 4 5; do kubectl create configmap "page$i" -n kube-public; done
	local first token
	first=$(api GET '/api/v1/namespaces/kube-public/configmaps?limit=2')
	token=$(sed 's/.*"continue":"\([^"]*\)".*/\1/' <<<"$first")
	kubectl delete configmap page5 -n kube-public
	api GET "/api/v1/namespaces/kube-public/configmaps?limit=500&continue=$token" | grep -q '"name":"page5"'
	api GET '/api/v1/namespaces/kube-public/configmaps' | grep -vq '"name":"page5"'
}

# More than may be waiting for a watcher at a time, in a bucket of its own.
@test "a watch begins with everything that is there, however much" {
	local i
	api POST /api/v1/namespaces -H 'content-type: application/json' -d '{"metadata":{"name":"many"}}' >"$DIR/out"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		printf '{"metadata":{"name":"big-%s"},"data":{"k":"%500000s"}}' "$i" x >"$DIR/body"
		api POST /api/v1/namespaces/many/configmaps -H 'content-type: application/json' -d "@$DIR/body" >"$DIR/out"
	done
	# Not through api: $! must be curl and not a shell around it.
	curl -s --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" \
		"https://127.0.0.1:$PORT/api/v1/namespaces/many/configmaps?watch=1&timeoutSeconds=600&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true" -N >"$DIR/events" 3>&- &
	local watch=$!
	eventually 60 grep -q initial-events-end "$DIR/events"
	api DELETE /api/v1/namespaces/many/configmaps/big-3 >"$DIR/out"
	eventually 60 grep -q '"DELETED"' "$DIR/events"
	kill $watch
	[ "$(grep -c '"ADDED"' "$DIR/events")" = 12 ]
	[ "$(grep -c '"DELETED"' "$DIR/events")" = 1 ]
	api DELETE /api/v1/namespaces/many >"$DIR/out"
}

@test "a watch sees changes, resumes, and says when it cannot" {
	local rv
	rv=$(api GET /api/v1/namespaces/default/secrets | sed 's/.*"metadata":{"resourceVersion":"\([0-9]*\)".*/\1/')
	kubectl create secret generic s --from-literal=a=b
	kubectl delete secret s
	api GET "/api/v1/namespaces/default/secrets?watch=1&timeoutSeconds=1&resourceVersion=$rv" >"$DIR/events"
	[ "$(grep -c ADDED "$DIR/events")" = 1 ]
	[ "$(grep -c DELETED "$DIR/events")" = 1 ]
}

@test "an invalid manifest is answered with causes" {
	run kubectl create -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"Bad Name","image":"x"}]}}'
	[ "$status" -ne 0 ]
	[[ "$output" == *'spec.containers[0].name'* ]]
}

@test "a watch that comes back over more than is queued for anybody is told all of it" {
	local maps=/api/v1/namespaces/default/configmaps rv i method=POST path
	rv=$(api GET $maps | sed 's/.*"metadata":{"resourceVersion":"\([0-9]*\)".*/\1/')
	path=$maps
	for i in $(seq 12); do
		{
			printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"far"},"data":{"i":"%d","x":"' "$i"
			head -c 900000 /dev/zero | tr '\0' x
			printf '"}}'
		} >"$DIR/large"
		api $method "$path" -H 'Content-Type: application/json' --data-binary "@$DIR/large" -o "$DIR/answer"
		method=PUT path=$maps/far
	done
	curl -sN --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" \
		"https://127.0.0.1:$PORT$maps?watch=1&timeoutSeconds=600&fieldSelector=metadata.name%3Dfar&resourceVersion=$rv" >"$DIR/events" 3>&- &
	local watch=$!
	eventually 30 sh -c '[ "$(wc -l <"$1")" = 12 ]' - "$DIR/events"
	kill "$watch"
	[ "$(jq -r .object.data.i "$DIR/events" | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 9 10 11 12 " ]
	api DELETE $maps/far >/dev/null
}

@test "objects survive kill -9, and watches resume over it" {
	local maps=/api/v1/namespaces/default/configmaps rv
	kubectl create configmap kept --from-literal=k=v
	kubectl create configmap other
	rv=$(api GET $maps | sed 's/.*"metadata":{"resourceVersion":"\([0-9]*\)".*/\1/')
	kubectl label configmap kept app=x
	kubectl label configmap other app=x
	kubectl label --overwrite configmap kept app=y
	kubectl delete configmap other
	kill -9 "$(cat "$DIR/pid")"
	ended "$(cat "$DIR/pid")"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port2" 2>>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port2"
	sed -i "s#https://127.0.0.1:[0-9]*#https://127.0.0.1:$(cat "$DIR/port2")#" "$KUBECONFIG"
	PORT="$(cat "$DIR/port2")"
	[ "$(kubectl get configmap kept -o 'jsonpath={.data.k}')" = v ]
	api GET "$maps?watch=1&timeoutSeconds=1&labelSelector=app%3Dx&resourceVersion=$rv" >"$DIR/events"
	jq -r '.type + " " + .object.metadata.name + " " + (.object.metadata.labels.app // "")' "$DIR/events" >"$DIR/told"
	diff - "$DIR/told" <<-END
		ADDED kept x
		ADDED other x
		DELETED kept x
		DELETED other x
	END
	kubectl create configmap new
	api GET "$maps?watch=1&timeoutSeconds=1&resourceVersion=$rv" >"$DIR/events"
	[ "$(jq -r .type "$DIR/events" | tr '\n' ' ')" = "MODIFIED MODIFIED MODIFIED DELETED ADDED " ]
}
