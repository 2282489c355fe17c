#!/usr/bin/env bats
# Exchanges recorded with the original, replayed against an empty server: how many answers agree may only rise. The recordings
# lie beside the checkout; without them there is nothing to compare with.

BIN=${BIN:-$BATS_TEST_DIRNAME/../../../build/bin}
SHARED=$BATS_TEST_DIRNAME/../../../../shared
FLOOR=$BATS_TEST_DIRNAME/../../golden/api-floor # "family passed passed-with-managedFields", the sum last

setup() {
	[ -x "$SHARED/tools/replay-golden" ] || skip "no recordings beside the checkout"
	DIR=$BATS_TEST_TMPDIR/data
	"$BIN/knarr-server" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none --scheduler=none \
		>"$BATS_TEST_TMPDIR/port" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
	SERVER=$!
	for _ in $(seq 100); do
		PORT=$(sed -n 's/.*port=\([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/log" "$BATS_TEST_TMPDIR/port" | head -n 1)
		[ -n "$PORT" ] && break
		sleep 0.1
	done
}

teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER"
}

@test "as many recorded answers agree as before" {
	"$SHARED/tools/replay-golden" --server "https://127.0.0.1:$PORT" --ca "$DIR/pki/ca.crt" --ca-key "$DIR/pki/ca.key" --quiet \
		"$SHARED/golden-kubernetes" >"$BATS_TEST_TMPDIR/figures" || true
	cat "$BATS_TEST_TMPDIR/figures"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/figures" | tail -n 1 >&3
	awk 'NR == FNR { passed[$1] = $2; managed[$1] = $3; next }
	     $1 in passed { seen++; if ($3 < passed[$1] || $4 < managed[$1]) { print "fewer: " $0 " (" passed[$1], managed[$1] ")"; bad = 1 } }
	     END { exit bad || !seen }' "$FLOOR" "$BATS_TEST_TMPDIR/figures"
}
