#!/usr/bin/env bats
# What Kubernetes' conformance suite demands of nodes, workloads, scheduling, services and volumes, done over the API against one
# cluster of one node. Each file of cases runs its cases side by side and tells those that fail.
# bats file_tags=cluster

load ../../lib/host

H=conform
CG=knarr-test-$H

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

teardown_file() {
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

# cases FILE [NAME...]: all of a file, or those that are named.
cases() {
	local file=$1
	shift
	host $H timeout 420 python3 "$BATS_TEST_DIRNAME/$file" "$@"
}

@test "what a pod sees: environment, volumes, users, files of its own" {
	cases pods.py
}

@test "what a node does: probes, hooks, init and ephemeral containers, resizing, deadlines" {
	cases node.py
}

@test "controllers: replica sets, deployments, daemon sets, stateful sets, jobs, budgets" {
	cases apps.py
}

@test "the scheduler: resources, selectors, ports, preemption, taints" {
	cases scheduling.py
}

@test "services, endpoints, names, proxies, ports of the host" {
	cases network.py
}

@test "objects of storage and devices" {
	cases storage.py
}
