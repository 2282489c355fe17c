#!/usr/bin/env bats
# What the proxy's table does to the first packets of connections is what services, slices and policies of traffic say.

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	DRIVE=$BATS_TEST_DIRNAME/../../../build/test/proxy-drive
	[ -x "$DRIVE" ] || skip "proxy-drive is not built"
}

@test "random services, endpoints and clients" {
	for seed in 1 2; do
		unshare --net sh -c 'ip link set lo up; exec "$@"' sh "$BATS_TEST_DIRNAME/model.py" "$DRIVE" $seed 25
	done
}
