# A host with a cluster of one node and both families, for the tests of it: kc and get speak to it.
# shellcheck shell=bash

# two_families_up NAME NODE-ADDRESSES POD-RANGES SERVICE-RANGES: the host NAME, and the demo image on it; NAME is that of kc, get
two_families_up() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts H=$1
	host_create "$H"
	host_ipv6 "$H" fd77::2/64
	host "$H" "$BIN/knarr" up --no-systemd --cgroup-root="knarr-test-$H" --node-name=node1 --node-ip="$2" --cluster-cidr="$3" \
		--service-cluster-ip-range="$4" 3>&-
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host "$H" "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

two_families_down() {
	host "$H" "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy "$H"
}

kc() { host "$H" kubectl --kubeconfig=/etc/kubernetes/admin.conf "$@"; }
get() { kc get "$1" "$2" -o "jsonpath=$3"; }
