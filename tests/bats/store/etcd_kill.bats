#!/usr/bin/env bats
# etcd and servers killed under load; leaders that go.

load common

setup() {
	store_setup
}
teardown() { store_teardown; }

@test "etcd killed and restarted under load: nothing lost, missed or repeated" {
	etcd_start e1
	etcd_ready e1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags e1) --controllers=none --scheduler=none
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1) --controllers=none --scheduler=none
	python3 "$BATS_TEST_DIRNAME/load.py" "$DIR/pki" "$(cat "$DIR/a/port")" "$(cat "$DIR/b/port")" >"$DIR/out" 2>&1 3>&- &
	local load=$!
	for _ in 1 2 3; do
		sleep 1.5
		end e1 KILL
		# Meanwhile the words are the original's.
		run on a create configmap while-down
		[ "$status" -ne 0 ]
		[[ "$output" == *"rpc error: code = Unavailable"* ]]
		sleep 0.5
		etcd_start e1
		etcd_ready e1
	done
	sleep 1
	kill "$load" || true # its words tell why it has ended
	local status=0
	wait "$load" || status=$?
	cat "$DIR/out"
	[ "$status" -eq 0 ]
	grep -q "rpc error\|etcdserver" "$DIR/out"
	on b create configmap goes-on
}

@test "a member of three is lost: writes go on at another" {
	etcd_start m1 m1 m2 m3
	etcd_start m2 m1 m2 m3
	etcd_start m3 m1 m2 m3
	etcd_ready m1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags m1 m2 m3) --controllers=none --scheduler=none
	# shellcheck disable=SC2046
	server_start b $(etcd_flags m3 m2 m1) --controllers=none --scheduler=none
	python3 "$BATS_TEST_DIRNAME/load.py" "$DIR/pki" "$(cat "$DIR/a/port")" "$(cat "$DIR/b/port")" >"$DIR/out" 2>&1 3>&- &
	local load=$! status=0
	sleep 2
	end m1 KILL
	sleep 3
	etcd_start m1 m1 m2 m3
	sleep 1
	kill "$load" || true # its words tell why it has ended
	wait "$load" || status=$?
	cat "$DIR/out"
	[ "$status" -eq 0 ]
	end m1 KILL
	timeout 60 kubectl --kubeconfig "$DIR/a/admin.conf" create configmap two-of-three
	timeout 60 kubectl --kubeconfig "$DIR/b/admin.conf" get configmap two-of-three
}

@test "the leader is killed: the other server's controllers take over; given back, at once" {
	etcd_start e1
	etcd_ready e1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags e1)
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1)
	on b create deployment web --image=nginx --replicas=2
	pods() { [ "$(on "$1" get pods -o name | wc -l)" = "$2" ]; }
	eventually 60 pods b 2
	holder() { on b get lease -n kube-system kube-controller-manager -o 'jsonpath={.spec.holderIdentity} {.spec.leaseTransitions}'; }
	local first
	first="$(holder)"
	grep -q "leading lease=kube-controller-manager identity=${first% *}" "$DIR/a/log"
	if grep -q "leading lease" "$DIR/b/log"; then false; fi
	end a KILL
	on b scale deployment web --replicas=3
	eventually 100 pods b 3
	[ "$(holder)" = "$(sed -n 's/.*leading lease=kube-controller-manager identity=//p' "$DIR/b/log") 1" ]
	# A clean stop gives the lease back: nobody waits for it to run out.
	# shellcheck disable=SC2046
	server_start a $(etcd_flags e1)
	kubectl --kubeconfig "$DIR/a/admin.conf" get --raw "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?watch=1" >"$DIR/leases" 3>&- 4>&- &
	local watch=$!
	eventually 60 grep -q '"kube-controller-manager"' "$DIR/leases"
	end b
	eventually 60 grep -q '"kube-controller-manager".*"holderIdentity":""' "$DIR/leases"
	kill $watch
	on a scale deployment web --replicas=4
	eventually 60 pods a 4
}

# A process that is stopped keeps its connections and answers nothing.
@test "etcd hangs under load: requests end with an error, then everything goes on" {
	etcd_start e1
	etcd_ready e1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags e1) --controllers=none --scheduler=none
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1) --controllers=none --scheduler=none
	python3 "$BATS_TEST_DIRNAME/load.py" "$DIR/pki" "$(cat "$DIR/a/port")" "$(cat "$DIR/b/port")" >"$DIR/out" 2>&1 3>&- &
	local load=$! status=0
	sleep 2
	kill -STOP "$(cat "$DIR/e1/pid")"
	# Both reading and writing are told of it in words, within a client's patience.
	run timeout 120 kubectl --kubeconfig "$DIR/a/admin.conf" create configmap while-stopped
	local written="$output" result=$status
	run timeout 120 kubectl --kubeconfig "$DIR/b/admin.conf" get configmaps
	kill -CONT "$(cat "$DIR/e1/pid")"
	echo "$written; $output"
	[ "$result" -eq 1 ]
	[[ "$written" == *"etcdserver: request timed out"* || "$written" == *"context deadline exceeded"* ]]
	[ "$status" -eq 1 ]
	[[ "$output" == *"etcdserver: request timed out"* || "$output" == *"context deadline exceeded"* ]]
	sleep 2
	kill "$load" || true # its words tell why it has ended
	status=0
	wait "$load" || status=$?
	cat "$DIR/out"
	[ "$status" -eq 0 ]
	timeout 60 kubectl --kubeconfig "$DIR/a/admin.conf" create configmap goes-on
}

# The name of the member of three that says it leads.
leader() {
	local m
	for m in m1 m2 m3; do
		! ctl $m endpoint status -w json | jq -e '.[0].Status | .leader == .header.member_id' >/dev/null || { echo $m; return; }
	done
}

@test "the leader of three hangs, and another is made leader, under load: nothing lost, missed or repeated" {
	local m leader
	for m in 1 2 3; do etcd_start m$m m1 m2 m3; done
	etcd_ready m1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags m1 m2 m3) --controllers=none --scheduler=none
	# shellcheck disable=SC2046
	server_start b $(etcd_flags m2 m3 m1) --controllers=none --scheduler=none
	python3 "$BATS_TEST_DIRNAME/load.py" "$DIR/pki" "$(cat "$DIR/a/port")" "$(cat "$DIR/b/port")" >"$DIR/out" 2>&1 3>&- &
	local load=$! status=0
	sleep 2
	led() { leader=$(leader) && [ -n "$leader" ]; }
	eventually 60 led
	kill -STOP "$(cat "$DIR/$leader/pid")"
	sleep 5
	kill -CONT "$(cat "$DIR/$leader/pid")"
	sleep 3
	eventually 60 led
	m=${leader#m}
	ctl m$m move-leader "$(ctl m$m member list | sed -n "s/, started, m$((m % 3 + 1)), .*//p")"
	sleep 2
	kill "$load" || true # its words tell why it has ended
	wait "$load" || status=$?
	cat "$DIR/out"
	[ "$status" -eq 0 ]
	timeout 60 kubectl --kubeconfig "$DIR/b/admin.conf" create configmap goes-on
}
