#!/usr/bin/env bats
# Exchanges recorded with the original, replayed against an empty server: how many answers agree may only rise. The recordings
# lie beside the checkout; without them there is nothing to compare with.

BIN=${BIN:-$BATS_TEST_DIRNAME/../../../build/bin}
SHARED=$BATS_TEST_DIRNAME/../../../../shared
FLOOR=$BATS_TEST_DIRNAME/../../golden/api-floor # "family passed passed-with-managedFields", the sum last

load ../../lib/wait

# The server listens where the recorded one did, in a network namespace of its own: answers tell addresses and port.
setup() {
	[ -x "$SHARED/tools/replay-golden" ] || skip "no recordings beside the checkout"
	[ "$(id -u)" = 0 ] || skip "needs root"
	DIR=$BATS_TEST_TMPDIR/data
	setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 3>&- &
	HOST=$!
	eventually 60 own_network $HOST
	in_host ip link set lo up
	in_host ip address add 192.168.77.1/24 dev lo
	# Managers' entries stand in the order of their seconds: both go before others, so that steps fall into one as when recorded.
	nsenter "--net=/proc/$HOST/ns/net" nice -n -15 "$BIN/knarr-server" --data-dir "$DIR" --advertise-address 192.168.77.1 --secure-port 6443 \
		--controllers=none --scheduler=none >"$BATS_TEST_TMPDIR/port" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	eventually 60 in_host curl -sfk --max-time 10 https://192.168.77.1:6443/readyz
}

in_host() { nsenter "--net=/proc/$HOST/ns/net" -- "$@"; }

teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER"
	[ -z "${HOST:-}" ] || kill "$HOST"
}

@test "as many recorded answers agree as before" {
	in_host nice -n -15 "$SHARED/tools/replay-golden" --server https://192.168.77.1:6443 --ca "$DIR/pki/ca.crt" --ca-key "$DIR/pki/ca.key" --quiet \
		"$SHARED/golden-kubernetes" >"$BATS_TEST_TMPDIR/figures" || true
	cat "$BATS_TEST_TMPDIR/figures"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/figures" | tail -n 1 >&3
	awk 'NR == FNR { passed[$1] = $2; managed[$1] = $3; next }
	     $1 in passed { seen++; if ($3 < passed[$1] || $4 < managed[$1]) { print "fewer: " $0 " (" passed[$1], managed[$1] ")"; bad = 1 } }
	     END { exit bad || !seen }' "$FLOOR" "$BATS_TEST_TMPDIR/figures"
}
