#!/usr/bin/env bats
# Priority and fairness, limits, deadlines and the end of a server, on loopback.

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
	"$SERVER" --data-dir "$data" --bind-address 127.0.0.1 --secure-port 0 --controllers=none --scheduler=none \
		--token-auth-file "$DIR/tokens" "$@" >"$data/port" 2>"$data/log" 3>&- &
	echo $! >"$data/pid"
	for _ in $(seq 100); do [ -s "$data/port" ] && break; sleep 0.05; done
	export PORT="$(cat "$data/port")" KUBECONFIG="$data/admin.conf" CA="$data/pki/ca.crt"
}

stop() { # DATA_DIR
	kill "$(cat "$1/pid")" 2>/dev/null || true
	for _ in $(seq 200); do kill -0 "$(cat "$1/pid")" 2>/dev/null || break; sleep 0.05; done
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
	timeout 60 python3 "$BATS_TEST_DIRNAME/flow_client.py" "$PORT" "$CA" "$@"
}

stall() { # USER N: so many answers that nobody reads
	timeout 60 python3 "$BATS_TEST_DIRNAME/flow_client.py" "$PORT" "$CA" stall "$1-token" /api/v1/configmaps 50 "$2" \
		>"$BATS_TEST_TMPDIR/stall" 3>&- &
	STALLED=$!
	for _ in $(seq 100); do grep -q ready "$BATS_TEST_TMPDIR/stall" && break; sleep 0.05; done
}

metric() { # NAME{LABELS}
	kubectl get --raw /metrics | awk -v n="$1" 'index($0, n " ") == 1 { print $2 }'
}

becomes() { # WANTED COMMAND...: within ten seconds
	local wanted=$1
	shift
	for _ in $(seq 100); do [ "$("$@" 2>/dev/null)" = "$wanted" ] && return; sleep 0.1; done
	echo "is: $("$@")" >&2
	return 1
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
	for _ in $(seq 100); do
		run client head bob-token /api/v1/namespaces/default/configmaps/none
		[ "${lines[0]}" = 404 ] && break
		sleep 0.1
	done
	[ "${lines[0]}" = 404 ]
}
