#!/usr/bin/env bats
# Client libraries other than Go's against a cluster: Debian has no client-go, kubectl is built with it.

load ../../lib/host

H=clients
CG=knarr-test-$H

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60
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

@test "@kubernetes/client-node: typed objects, watch, patch, apply, exec, attach, port-forward, logs" {
	command -v node >/dev/null && command -v npm >/dev/null || skip "nodejs and npm are not installed"
	cp "$REPO"/tests/bats/cluster/node_client/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	curl -fsS --max-time 20 -o /dev/null https://registry.npmjs.org/@kubernetes%2fclient-node/1.4.0 || skip "the npm registry is out of reach"
	timeout 180 npm ci --cache "$BATS_TEST_TMPDIR/cache" --ignore-scripts --no-audit --no-fund --omit=dev
	host $H timeout 120 node "$BATS_TEST_TMPDIR/client.mjs"
}
