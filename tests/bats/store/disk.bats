#!/usr/bin/env bats
# The server on a disk whose power goes, that fills up or breaks, and killed in the middle of writes.

load common

setup_file() {
	export SHIM="$BATS_FILE_TMPDIR/disk.so"
	cc -Wall -Wextra -O1 -shared -fPIC -o "$SHIM" "$BATS_TEST_DIRNAME/disk.c"
}

on_disk() { timeout 280 python3 "$BATS_TEST_DIRNAME/disk.py" "$BIN/knarr-server" "$SHIM" "$BATS_TEST_TMPDIR" "$1"; }

@test "the power goes at any point of any write, from the first start on" { on_disk power; }
@test "killed in the middle of writes, again and again" { on_disk kill; }
@test "a full disk: writes are refused and not there, then work again" { on_disk full; }
@test "a disk whose writes and syncs fail: refused and not there, then work again" { on_disk error; }
