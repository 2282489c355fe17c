#!/usr/bin/env bats
# ./up from the top, in a host of its own: builds, installs, starts, shows; again; down; purge.

load ../../lib/host

H=up
CG=knarr-test-$H

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
}

teardown_file() {
	host $H /usr/local/bin/knarr down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

up() { host $H "$REPO/up" --no-systemd --cgroup-root=$CG --node-name=node1; }

# What a stopped node must not have left, one line each.
remains() {
	host_pids $H | grep -vx "$(cat "$HOST_BASE/$H/pid")" | while read -r p; do echo "process $p $(cat "/proc/$p/comm" 2>/dev/null)"; done
	host $H sh -c '
		grep -E " (/run/knarr|/var/lib/kubelet/pods|/var/lib/knarr/containers|/run/netns/)" /proc/mounts
		ls -d /run/netns/* /run/knarr /var/lib/cni/networks/*/10.* 2>/dev/null
		ip -o link | grep -vE " (lo|eth0|eth0-peer)[@:]"
		ip route | grep -E "10\.(244|96)\."
		nft list tables | grep knarr
		ss -lx 2>/dev/null | grep knarr'
	ls -d /sys/fs/cgroup/$CG /sys/fs/cgroup/*/$CG 2>/dev/null
	return 0
}

@test "up shows three replicas answering through ClusterIP and NodePort" {
	run up
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'all 3 replicas answered' <<<"$output")" -eq 2 ]
	grep -q 'through the ClusterIP' <<<"$output"
	grep -q 'node1 *Ready' <<<"$output"
	grep -q 'knarr down' <<<"$output"
}

@test "up again is idempotent" {
	before=$(host $H cat /run/knarr/server.pid /run/knarr/agent.pid)
	run up
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$before" = "$(host $H cat /run/knarr/server.pid /run/knarr/agent.pid)" ]
}

@test "down leaves nothing but data, up brings the pods back" {
	run host $H /usr/local/bin/knarr down
	echo "$output"
	[ "$status" -eq 0 ]
	left=$(remains)
	echo "$left"
	[ -z "$left" ]
	run host $H /usr/local/bin/knarr up --no-systemd --cgroup-root=$CG --node-name=node1
	[ "$status" -eq 0 ]
	ready() { [ "$(host $H kubectl --kubeconfig /etc/kubernetes/admin.conf -n hello get deployment hello -o 'jsonpath={.status.readyReplicas}')" = 3 ]; }
	eventually 60 ready
	eventually 60 host $H curl -fsS --max-time 2 http://192.168.77.2:30080/cgi-bin/index.cgi
}

@test "down --purge removes the data, too" {
	run host $H /usr/local/bin/knarr down --purge
	echo "$output"
	[ "$status" -eq 0 ]
	left=$(remains; host $H sh -c 'ls -A /var/lib/knarr /etc/kubernetes /var/log/knarr /var/log/pods 2>/dev/null | grep -v ":$" | grep . || true')
	echo "$left"
	[ -z "$left" ]
}
