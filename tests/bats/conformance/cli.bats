#!/usr/bin/env bats
# What the conformance suite asks of kubectl, on a one-node cluster in a host of its own.
# bats file_tags=cluster

load ../../lib/host

H=conf-cli

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=knarr-test-$H --node-name=node1 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

teardown_file() {
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

cases() {
	host $H env PYTHONDONTWRITEBYTECODE=1 SERVER=192.168.77.2:6443 PKI=/etc/kubernetes/pki KUBECONFIG=/etc/kubernetes/admin.conf \
		timeout 300 python3 "$BATS_TEST_DIRNAME/cli.py" "$@"
}

@test "versions, cluster-info, describe" { cases versions_and_cluster_info describe; }

@test "diff, expose, label, patch" { cases diff expose label patch; }

@test "run, replace, server-side dry run" { cases run_replace_dry_run; }

@test "proxy on a port and on a socket" { cases proxy; }

@test "a replication controller is created, scaled and stopped" { cases update_demo; }

@test "logs, filtered" { cases logs; }

@test "tokens in pods" { cases tokens_in_pods; }
