#!/usr/bin/env bats
# Client libraries other than Go's against a cluster.

load ../../lib/host

H=clients
CG=knarr-test-$H

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	/usr/bin/python3 -c 'import kubernetes' 2>/dev/null || return 0
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=30
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

teardown_file() {
	[ -f "$HOST_BASE/$H/pid" ] || return 0
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

@test "python3-kubernetes: typed objects, watch, patch, exec, port-forward, logs" {
	/usr/bin/python3 -c 'import kubernetes' 2>/dev/null || skip "python3-kubernetes is not installed"
	host $H timeout 120 /usr/bin/python3 "$REPO/tests/bats/cluster/python_client.py"
}
