#!/usr/bin/env bats
# Priority and fairness, limits, deadlines and the end of a server, on loopback.

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-flow.XXXXXX)"
	printf '%s\n' 'alice-token,alice,1,crowd' 'bob-token,bob,2,crowd' >"$DIR/tokens"
	start "$DIR/data"
	kubectl create clusterrolebinding crowd --clusterrole=view --group=crowd
	for i in 1 2 3 4 5 6 7 8; do
		head -c 700000 /dev/zero | tr '\0' x >"$DIR/big"
		kubectl create configmap "big-$i" --from-file="$DIR/big" >/dev/null
	done
	kubectl create -f - <<-EOF
	{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{"name":"narrow"},
	 "spec":{"type":"Limited","limited":{"nominalConcurrencyShares":1,"borrowingLimitPercent":0,"lendablePercent":0,
	 "limitResponse":{"type":"Queue","queuing":{"queues":64,"handSize":6,"queueLengthLimit":2}}}}}
	EOF
	kubectl create -f - <<-EOF
	{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{"name":"narrow"},
	 "spec":{"matchingPrecedence":300,"priorityLevelConfiguration":{"name":"narrow"},"distinguisherMethod":{"type":"ByUser"},
	 "rules":[{"subjects":[{"kind":"Group","group":{"name":"crowd"}}],"resourceRules":[{"verbs":["*"],"apiGroups":["*"],
	 "resources":["*"],"clusterScope":true,"namespaces":["*"]}]}]}}
	EOF
}

start() { # DATA_DIR [flags]: a server, its port, its kubeconfig
	local data=$1
	shift
	mkdir -p "$data"
	rm -f "$data/port"
	"$SERVER" --data-dir "$data" --bind-address 127.0.0.1 --secure-port 0 --controllers=none --scheduler=none \
		--token-auth-file "$DIR/tokens" "$@" >"$data/port" 2>"$data/log" 3>&- &
	echo $! >"$data/pid"
	eventually 60 test -s "$data/port"
	export PORT="$(cat "$data/port")" KUBECONFIG="$data/admin.conf" CA="$data/pki/ca.crt"
}

stop() { # DATA_DIR
	end_process "$(cat "$1/pid")"
}

teardown() {
	[ -z "${STALLED:-}" ] || { kill "$STALLED" 2>/dev/null; wait "$STALLED" 2>/dev/null; true; }
	[ -z "${SECOND:-}" ] || stop "$SECOND"
}

teardown_file() {
	stop "$DIR/data"
	rm -rf "$DIR"
}

client() {
	timeout 120 python3 "$BATS_TEST_DIRNAME/flow_client.py" "$PORT" "$CA" "$@"
}

stall() { # USER N: so many answers that nobody reads
	timeout 120 python3 "$BATS_TEST_DIRNAME/flow_client.py" "$PORT" "$CA" stall "$1-token" /api/v1/configmaps 50 "$2" \
		>"$BATS_TEST_TMPDIR/stall" 3>&- &
	STALLED=$!
	eventually 60 grep -q ready "$BATS_TEST_TMPDIR/stall"
}

metric() { # NAME{LABELS}
	kubectl get --raw /metrics | awk -v n="$1" 'index($0, n " ") == 1 { print $2 }'
}

becomes() { eventually 60 prints "$@"; } # WANTED COMMAND...
prints() {
	local wanted=$1 got
	shift
	got=$("$@" 2>/dev/null)
	[ "$got" = "$wanted" ] || { echo "is: $got"; return 1; }
}

@test "answers name their schema and level" {
	uid="$(kubectl get flowschema narrow -o 'jsonpath={.metadata.uid}')"
	level="$(kubectl get prioritylevelconfiguration narrow -o 'jsonpath={.metadata.uid}')"
	client head alice-token /api/v1/namespaces/default/configmaps/none >"$BATS_TEST_TMPDIR/head"
	grep -qx "x-kubernetes-pf-flowschema-uid: $uid" "$BATS_TEST_TMPDIR/head"
	grep -qx "x-kubernetes-pf-prioritylevel-uid: $level" "$BATS_TEST_TMPDIR/head"
}

@test "slow readers hold their seats; who comes waits, is refused when the queue is full, and is served in the end" {
	seats="$(metric 'apiserver_flowcontrol_current_limit_seats{priority_level="narrow"}')"
	stall alice "$((seats + 20))"
	# Twelve of one flow can wait (its six queues hold two each): the others were refused.
	waiting() { kubectl get --raw /debug/api_priority_and_fairness/dump_requests | grep -c '^narrow, *narrow, .*alice'; }
	becomes 12 waiting
	becomes "$seats" metric 'apiserver_flowcontrol_current_executing_requests{priority_level="narrow",flow_schema="narrow"}'
	becomes 8 metric 'apiserver_flowcontrol_rejected_requests_total{priority_level="narrow",flow_schema="narrow",reason="queue-full"}'
	client head alice-token /api/v1/namespaces/default/configmaps/none >"$BATS_TEST_TMPDIR/head"
	[ "$(head -1 "$BATS_TEST_TMPDIR/head")" = 429 ]
	grep -Eqx 'retry-after: [0-9]+' "$BATS_TEST_TMPDIR/head"
	grep -qx 'content-type: text/plain; charset=utf-8' "$BATS_TEST_TMPDIR/head"
	grep -qx 'Too many requests, please try again later.' "$BATS_TEST_TMPDIR/head"
	# Administrators are not held up.
	kubectl get namespace default
	# Bob is let in as soon as there is a seat.
	client turns bob-token /api/v1/namespaces/default/configmaps/none 1 >"$BATS_TEST_TMPDIR/bob" 3>&- &
	bob=$!
	becomes 1 sh -c "kubectl get --raw /debug/api_priority_and_fairness/dump_requests | grep -c ' bob,'"
	kill "$STALLED"
	wait "$bob"
	[ "$(cat "$BATS_TEST_TMPDIR/bob")" = '404 1' ]
	becomes 0 sh -c "kubectl get --raw /debug/api_priority_and_fairness/dump_requests | grep -c narrow"
}

@test "a flood by one user leaves another's requests flowing" {
	client crowd alice-token /api/v1/configmaps 40 >"$BATS_TEST_TMPDIR/crowd" 3>&- &
	crowd=$!
	run client turns bob-token /api/v1/namespaces/default/configmaps/none 30
	[ "$output" = '404 30' ]
	wait "$crowd"
	grep -q '^200 ' "$BATS_TEST_TMPDIR/crowd"
	grep -q '^429 ' "$BATS_TEST_TMPDIR/crowd"
	[ "$(awk '{ n += $2 } END { print n }' "$BATS_TEST_TMPDIR/crowd")" = 120 ]
}

@test "a watch begins with all objects, however many bytes they have" {
	curl -sN --cacert "$CA" --cert "$DIR/data/pki/admin.crt" --key "$DIR/data/pki/admin.key" \
		"https://127.0.0.1:$PORT/api/v1/namespaces/default/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true" >"$BATS_TEST_TMPDIR/watch" 3>&- &
	STALLED=$!
	eventually 60 grep -q 'k8s.io/initial-events-end' "$BATS_TEST_TMPDIR/watch"
	[ "$(grep -c '"type":"ADDED".*"name":"big-' "$BATS_TEST_TMPDIR/watch")" = 8 ]
}

@test "schemas tell whether their level exists" {
	kubectl create -f - <<-EOF
	{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{"name":"lost"},
	 "spec":{"priorityLevelConfiguration":{"name":"none"}}}
	EOF
	condition() { kubectl get flowschema lost -o 'jsonpath={.status.conditions[0].type} {.status.conditions[0].status} {.status.conditions[0].reason}'; }
	becomes 'Dangling True NotFound' condition
	kubectl patch flowschema lost --type merge -p '{"spec":{"priorityLevelConfiguration":{"name":"narrow"}}}'
	becomes 'Dangling False Found' condition
	kubectl delete flowschema lost
}

@test "mandatory and suggested objects come back, and stay as they are where that is asked for" {
	shares() { kubectl get prioritylevelconfiguration "$1" -o 'jsonpath={.spec.limited.nominalConcurrencyShares}'; }
	kubectl delete flowschema catch-all
	kubectl delete prioritylevelconfiguration workload-low
	kubectl patch prioritylevelconfiguration system --type merge -p '{"spec":{"limited":{"nominalConcurrencyShares":7}}}'
	kubectl annotate --overwrite prioritylevelconfiguration node-high apf.kubernetes.io/autoupdate-spec=false
	kubectl patch prioritylevelconfiguration node-high --type merge -p '{"spec":{"limited":{"nominalConcurrencyShares":7}}}'
	becomes flowschema.flowcontrol.apiserver.k8s.io/catch-all kubectl get flowschema catch-all -o name
	becomes 100 shares workload-low
	becomes 30 shares system
	becomes 7 shares node-high
}

@test "without priority and fairness two limits hold" {
	SECOND="$DIR/counted"
	start "$SECOND" --enable-priority-and-fairness=false --max-requests-inflight=2 --max-mutating-requests-inflight=1
	kubectl create clusterrolebinding crowd --clusterrole=view --group=crowd
	for i in 1 2 3 4 5 6 7 8; do kubectl create configmap "big-$i" --from-file="$DIR/big" >/dev/null; done
	stall alice 2
	becomes 3 metric 'apiserver_current_inflight_requests{request_kind="readOnly"}' # the question itself counts
	run client head bob-token /api/v1/namespaces/default/configmaps/none
	[ "${lines[0]}" = 429 ]
	[[ "$output" == *'retry-after: 1'* ]]
	[[ "$output" != *x-kubernetes-pf* ]]
	kubectl get namespace default
	kill "$STALLED"
	let_in() { client head bob-token /api/v1/namespaces/default/configmaps/none | head -n 1 | grep -qx 404; }
	eventually 60 let_in
}

@test "metrics have the original's names and labels" {
	kubectl create configmap counted --from-literal=a=b
	kubectl get configmap counted >/dev/null
	kubectl apply --server-side -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"counted"},"data":{"c":"d"}}'
	kubectl get --raw /apis/none.example/v1/things >/dev/null 2>&1 || true
	kubectl get --raw /metrics >"$BATS_TEST_TMPDIR/m"
	has() { grep -Eq "^$1 [0-9.e+-]+\$" "$BATS_TEST_TMPDIR/m" || { echo "no $1" >&2; return 1; }; }
	has 'apiserver_request_total\{verb="POST",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="resource",component="apiserver",code="201"\}'
	has 'apiserver_request_total\{verb="APPLY",dry_run="",.*resource="configmaps".*code="200"\}'
	has 'apiserver_request_duration_seconds_bucket\{verb="GET",.*resource="configmaps",subresource="",scope="resource",component="apiserver",le="0.005"\}'
	has 'apiserver_request_sli_duration_seconds_count\{verb="GET",.*resource="configmaps".*\}'
	has 'apiserver_response_sizes_sum\{verb="GET",.*resource="configmaps".*\}'
	has 'apiserver_resource_objects\{group="",resource="configmaps"\}'
	has 'apiserver_storage_objects\{resource="flowschemas.flowcontrol.apiserver.k8s.io"\}'
	has 'etcd_request_duration_seconds_count\{operation="create",group="",resource="configmaps"\}'
	has 'authentication_attempts\{result="success"\}'
	has 'authorization_attempts_total\{result="allowed"\}'
	has 'process_resident_memory_bytes'
	has 'process_open_fds'
	has 'kubernetes_build_info\{.*major="1",minor="36".*\}'
	# What nobody serves makes no rows.
	! grep -q things "$BATS_TEST_TMPDIR/m"
	# Each name has its help and type once, before its rows.
	awk '/^# TYPE/ { if (seen[$3]++) exit 1; type[$3] = $4 } !/^#/ { n = $1; sub(/\{.*/, "", n); b = n; sub(/_(bucket|sum|count)$/, "", b);
		if (!(n in type) && !(b in type && type[b] == "histogram")) exit 1 }' "$BATS_TEST_TMPDIR/m"
	kubectl get --raw /readyz >/dev/null
	kubectl get --raw /metrics/slis | grep -qx 'kubernetes_healthcheck{name="ping",type="readyz"} 1'
}

@test "a request ends at its deadline" {
	python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$BATS_TEST_TMPDIR/silent" 3>&- &
	STALLED=$!
	eventually 60 test -s "$BATS_TEST_TMPDIR/silent"
	kubectl create -f - <<-EOF
	{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"silent"},
	 "webhooks":[{"name":"silent.example.com","sideEffects":"None","admissionReviewVersions":["v1"],"timeoutSeconds":10,
	 "clientConfig":{"url":"https://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/silent")/"},"rules":[{"apiGroups":[""],"apiVersions":["v1"],
	 "operations":["CREATE"],"resources":["configmaps"]}]}]}
	EOF
	ask() { curl -s --max-time 30 --cacert "$CA" --cert "$DIR/data/pki/admin.crt" --key "$DIR/data/pki/admin.key" "$@"; }
	run ask -H 'content-type: application/json' -d '{"metadata":{"name":"late"}}' "https://127.0.0.1:$PORT/api/v1/namespaces/default/configmaps?timeout=300ms"
	kubectl delete validatingwebhookconfiguration silent
	[[ "$output" == *'"message":"Timeout: request did not complete within requested timeout - context deadline exceeded"'* ]]
	[[ "$output" == *'"reason":"Timeout"'* && "$output" == *'"code":504'* ]]
	run ask "https://127.0.0.1:$PORT/api/v1/namespaces?timeout=soon"
	[[ "$output" == *'invalid timeout specified in the request URL - time: invalid duration \"soon\"'* && "$output" == *'"code":400'* ]]
	run ask "https://127.0.0.1:$PORT/version?timeout=5s"
	[[ "$output" == *'"minor":"36"'* ]]
}

@test "a server that ends is first no longer ready, then finishes" {
	SECOND="$DIR/ending"
	start "$SECOND" --shutdown-delay-duration=600s
	[ "$(kubectl get --raw /readyz)" = ok ]
	kill "$(cat "$SECOND/pid")"
	not_ready() { curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" "https://127.0.0.1:$PORT/readyz"; }
	becomes 500 not_ready
	curl -s --cacert "$CA" "https://127.0.0.1:$PORT/readyz" | grep -qxF '[-]shutdown failed: reason withheld'
	[ "$(curl -s --cacert "$CA" "https://127.0.0.1:$PORT/livez")" = ok ]
	kubectl get namespace default
	kill -9 "$(cat "$SECOND/pid")"
	ended "$(cat "$SECOND/pid")"
	start "$SECOND" --shutdown-delay-duration=1s
	end_process "$(cat "$SECOND/pid")"
	grep -q stopping "$SECOND/log"
}
