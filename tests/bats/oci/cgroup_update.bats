#!/usr/bin/env bats
# Cgroups of the runtime: limits and their changes in both orders, refusals, sub-cgroups, leftovers.

load common

value() { cat "$(cgfile "$@")"; }
v2() { [ ! -d /sys/fs/cgroup/memory ]; }

@test "limits are written and updated in both directions" {
	config 'c["linux"]["resources"].update(memory={"limit": 33554432}, pids={"limit": 20}, cpu={"quota": 50000, "period": 100000})'
	detached
	[ "$(value memory memory.limit_in_bytes memory.max)" = 33554432 ]
	[ "$(value pids pids.max pids.max)" = 20 ]
	for size in 67108864 16777216; do
		oci update --memory $size "$ID"
		[ "$(value memory memory.limit_in_bytes memory.max)" = $size ]
	done
	oci update --cpu-period 10000 --cpu-quota 3000 "$ID"
	if v2; then [ "$(value x x cpu.max)" = "3000 10000" ]; else [ "$(value cpu cpu.cfs_quota_us -)" = 3000 ]; fi
	oci update --cpu-period 200000 "$ID"
	if v2; then [ "$(value x x cpu.max)" = "3000 200000" ]; else [ "$(value cpu cpu.cfs_period_us -)" = 200000 ]; fi
	oci update --pids-limit -1 --memory -1 "$ID"
	[ "$(value pids pids.max pids.max)" = max ]
}

@test "an update that fails takes back what it had changed" {
	config 'c["linux"]["resources"].update(pids={"limit": 20}, cpu={"shares": 512})'
	detached
	before=$(value cpu cpu.shares cpu.weight)
	run oci update -r - "$ID" <<<'{"cpu": {"shares": 1024, "period": 1}, "pids": {"limit": 30}}'
	[ "$status" -eq 1 ]
	[ "$(value pids pids.max pids.max)" = 20 ]
	[ "$(value cpu cpu.shares cpu.weight)" = "$before" ]
	oci update --pids-limit 40 "$ID"
	[ "$(value pids pids.max pids.max)" = 40 ]
}

@test "a cgroup with processes is refused and left alone, a frozen one too" {
	detached
	run oci run --bundle "$T/bundle" other
	[ "$status" -eq 1 ]
	[[ "$output" == *"container's cgroup is not empty"* ]]
	[ "$(oci state "$ID" | grep -c '"status": "running"')" = 1 ]
	run oci state other
	[ "$status" -eq 1 ]
	oci delete --force "$ID"
	freezer=$(dirname "$(cgfile freezer freezer.state cgroup.freeze)")
	mkdir -p "$freezer"
	if v2; then echo 1 >"$freezer/cgroup.freeze"; else echo FROZEN >"$freezer/freezer.state"; fi
	run oci run --bundle "$T/bundle" other
	[ "$status" -eq 1 ]
	[[ "$output" == *"container's cgroup unexpectedly frozen"* ]]
	rmdir "$freezer"
}

@test "exec goes into sub-cgroups, never out of the container's own" {
	detached
	for p in .. a/../../b; do
		run oci exec --cgroup $p "$ID" true
		[ "$status" -eq 255 ]
		[[ "$output" == *"$p is not a sub cgroup path"* ]]
	done
	run oci exec --cgroup absent "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"/absent/cgroup.procs: no such file"* ]]
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ ! -d "$h$CG" ] || mkdir -p "$h$CG/sub"
		[ ! -e "$h$CG/sub/cpuset.cpus" ] || v2 || for f in cpuset.cpus cpuset.mems; do cat "$h$CG/$f" >"$h$CG/sub/$f"; done
	done
	oci exec --cgroup sub "$ID" sleep 300 </dev/null >/dev/null 2>&1 3>&- &
	inside() { [ "$(value pids sub/cgroup.procs sub/cgroup.procs | wc -l)" = 1 ]; }
	eventually 60 inside
	oci delete --force "$ID" # with what was made in it
	wait
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -e "$h$CG" ]; done
}

@test "\"..\" in cgroupsPath does not lead above the root" {
	config "c['linux']['cgroupsPath'] = '/../..$CG/x/..'"
	detached
	[ -d "$(dirname "$(cgfile pids pids.max pids.max)")" ]
}

@test "unified is refused on v1, and an unknown file on v2" {
	config 'c["linux"]["resources"]["unified"] = {"nosuch.max": "1"}'
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	if v2; then
		[[ "$output" == *"can't be set: controller"*"nosuch"*"not available"* ]]
	else
		[[ "$output" == *"invalid configuration: cannot use unified on cgroup v1"* ]]
	fi
}

@test "a change of device rules is never seen half done" {
	config 'c["root"]["readonly"] = False'
	detached sh -c 'while :; do echo x >/dev/null || echo closed >>/tmp/seen; done'
	# The rules of the default devices come last, so that the list is long without them.
	python3 -c 'import json; print(json.dumps({"devices": [{"allow": False, "access": "rwm"}] +
		[{"allow": True, "type": "c", "major": 200, "minor": n, "access": "r"} for n in range(900)]}))' >"$T/rules"
	for _ in 1 2 3; do
		oci update -r "$T/rules" "$ID"
		sleep 0.1
	done
	[ "$(oci state "$ID" | grep -c '"status": "running"')" = 1 ]
	[ ! -s "$T/bundle/rootfs/tmp/seen" ]
}
