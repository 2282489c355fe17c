#!/usr/bin/env bats
# Scheduler, I/O priority, processors, memory policy, personality; at run and at exec.
load common

inside() {
	args "$@"
	run oci run --bundle "$T/bundle" "$ID"
}

# Field 41 of stat is the policy, field 19 the nice value.
stat_line='set -- $(sed "s/.*) //" /proc/self/stat); shift 16; echo $1; shift 22; echo $1'

@test "scheduler policy and nice value, and exec takes them over" {
	config 'c["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}'
	inside sh -c "$stat_line"
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "5 3" ]
	detached sleep 100
	run oci exec "$ID" sh -c "$stat_line"
	[ "${lines[*]}" = "5 3" ]
}

@test "what does not fit together in a scheduler is refused" {
	config 'c["process"]["scheduler"] = {"policy": "SCHED_BATCH", "priority": 1}'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"scheduler.priority can only be specified for SchedFIFO or SchedRR policy"* ]]
	config 'c["process"]["scheduler"] = {"policy": "SCHED_FAST"}'
	inside true
	[[ "$output" == *"invalid scheduler policy: SCHED_FAST"* ]]
	config 'del c["process"]["scheduler"]' 'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 8}'
	inside true
	[[ "$output" == *"invalid ioPriority.Priority: 8"* ]]
}

@test "the container has all processors whatever the runtime has" {
	all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	[ "$(nproc)" -gt 1 ] || skip "needs two processors"
	args grep Cpus_allowed_list: /proc/self/status
	run taskset -c 0 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[ "$output" = "Cpus_allowed_list:	$all" ]
	detached sleep 100
	run taskset -c 0 "$OCI_BIN" --root "$T/state" exec "$ID" grep Cpus_allowed_list: /proc/self/status
	[ "$output" = "Cpus_allowed_list:	$all" ]
}

@test "exec goes to the processors that execCPUAffinity names" {
	[ "$(nproc)" -gt 1 ] || skip "needs two processors"
	all=$(grep Cpus_allowed_list: /proc/self/status)
	config 'c["process"]["execCPUAffinity"] = {"initial": "0", "final": "1"}'
	detached sleep 100
	run oci exec "$ID" grep Cpus_allowed_list: /proc/self/status
	[ "$output" = "Cpus_allowed_list:	1" ]
	echo '{"args": ["grep", "Cpus_allowed_list:", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"],
		"execCPUAffinity": {"initial": "0"}}' >"$T/process.json"
	run oci exec --process "$T/process.json" "$ID"
	# Linux before 6.2 forgets an affinity when the process enters a cpuset.
	case $(uname -r) in [0-5].* | 6.[01].*) [ "$output" = "$all" ] ;; *) [ "$output" = "Cpus_allowed_list:	0" ] ;; esac
	echo '{"args": ["true"], "cwd": "/", "env": ["PATH=/bin"], "execCPUAffinity": {"initial": "x"}}' >"$T/process.json"
	run oci exec --process "$T/process.json" "$ID"
	[ "$status" -eq 255 ]
	[[ "$output" == *"bad CPUAffinity.Initial"* ]]
}

@test "memory policy at run and exec" {
	[ -e /proc/self/numa_maps ] || skip "needs NUMA"
	config 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}'
	inside sh -c 'read -r _ policy _ </proc/self/numa_maps; echo $policy'
	[ "$output" = interleave:0 ]
	detached sleep 100
	run oci exec "$ID" sh -c 'read -r _ policy _ </proc/self/numa_maps; echo $policy'
	[ "$output" = interleave:0 ]
	oci delete --force "$ID"
	config 'c["linux"]["memoryPolicy"] = {"nodes": "0"}'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid memory policy mode"* ]]
}

@test "personality at run and exec" {
	[ "$(uname -m)" = x86_64 ] || skip "needs x86_64"
	ln -s busybox "$T/bundle/rootfs/bin/uname"
	config 'c["linux"]["personality"] = {"domain": "LINUX32"}'
	inside uname -m
	[ "$output" = i686 ]
	detached sleep 100
	run oci exec "$ID" uname -m
	[ "$output" = i686 ]
	oci delete --force "$ID"
	config 'c["linux"]["personality"] = {"domain": "BSD"}'
	inside true
	[[ "$output" == *"invalid personality domain BSD"* ]]
}

@test "Intel RDT where the machine has none" {
	[ ! -e /sys/fs/resctrl/schemata ] || skip "has resctrl"
	config 'c["linux"]["intelRdt"] = {"l3CacheSchema": "L3:0=f"}'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled"* ]]
	config 'c["linux"]["intelRdt"] = {"closID": "a/b"}'
	inside true
	[[ "$output" == *'invalid intelRdt.ClosID \"a/b\"'* ]]
}
