#!/usr/bin/env bats
# Everything that clients do at once, against a server built with sanitizers: no finding, no leak, memory that stays.
# SOAK_SECONDS=600 for the long run, which holds memory to what it was.

load ../store/common

setup() {
	export DIR
	DIR="$(mktemp -d /tmp/knarr-test-soak.XXXXXX)"
}
teardown() { store_teardown; }

@test "mixed load, broken connections and slow readers: no finding, no leak" {
	BIN="${BIN%/bin}/san/bin"
	[ -x "$BIN/knarr-server" ] || skip "no build with sanitizers: make SAN=1 knarr-server"
	export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=exitcode=99
	server_start s
	local status=0
	timeout $((${SOAK_SECONDS:-15} + 120)) python3 "$BATS_TEST_DIRNAME/soak.py" "$DIR/pki" "$(cat "$DIR/s/port")" "${SOAK_SECONDS:-15}" "$(cat "$DIR/s/pid")" || status=$?
	end s
	grep -E "ERROR|runtime error|SUMMARY" -A30 "$DIR/s/log" || true
	[ "$status" -eq 0 ]
	if grep -qE "ERROR: |runtime error:" "$DIR/s/log"; then false; fi
	grep -q stopping "$DIR/s/log"
}
