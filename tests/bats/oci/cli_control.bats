#!/usr/bin/env bats
# kill, delete, start, pause, resume, update: options and errors.
load common

@test "kill: names with and without SIG in any case, numbers; TERM is the default" {
	args sh -c 'for s in USR1 USR2 HUP RTMIN+2 TERM WINCH; do trap "echo $s" $s; done; trap "echo rt" 36; echo up; while :; do sleep 0.05; done'
	oci run -d --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	eventually 60 grep -q up "$T/out"
	oci kill "$ID" USR1
	eventually 60 grep -qx USR1 "$T/out"
	oci kill "$ID" sigusr2
	eventually 60 grep -qx USR2 "$T/out"
	oci kill "$ID" 1
	eventually 60 grep -qx HUP "$T/out"
	oci kill "$ID" SIGRTMIN+2
	eventually 60 grep -qx rt "$T/out"
	oci kill "$ID"
	eventually 60 grep -qx TERM "$T/out"
	[ "$(tr '\n' ' ' <"$T/out" | sed 's/.*up/up/')" = "up USR1 USR2 HUP rt TERM " ]
	for s in NONE SIGNONE 9x; do
		run oci kill "$ID" $s
		[ "$status" -eq 1 ]
		[[ "$output" == *"unknown signal"*"$s"* ]]
	done
	run oci kill "$ID" 4711
	[ "$status" -eq 1 ]
	[[ "$output" == *"nvalid argument"* ]]
	oci kill "$ID" 9
	eventually 60 is_stopped
	run oci kill "$ID" KILL
	[ "$status" -eq 1 ]
	[[ "$output" == *"container not running"* ]]
	oci kill --all "$ID" KILL
	run oci kill none
	[ "$status" -eq 1 ]
	[[ "$output" == *"container does not exist"* ]]
}

@test "without a pid namespace KILL ends everything, --all signals everything" {
	config "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'pid']"
	detached sh -c 'sleep 301 & sleep 302 & trap : TERM; while :; do wait; sleep 1; done'
	procs=$(cgfile pids cgroup.procs cgroup.procs)
	members() { [ "$(wc -l <"$procs")" "$@" ]; }
	eventually 60 members -eq 3
	oci kill --all "$ID" TERM
	eventually 60 members -lt 3
	oci kill "$ID" KILL
	eventually 60 members -eq 0
}

@test "delete --regex deletes all that match" {
	args sleep 100
	for i in red-1 red-2 blue; do
		config "c['linux']['cgroupsPath'] = '$CG/$i'"
		oci create --bundle "$T/bundle" "$i" </dev/null >"$T/out" 2>&1 3>&-
	done
	oci delete --regex --force '^red-[0-9]+$'
	[ "$(oci list -q)" = blue ]
	run oci delete --regex '['
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid regular expression"* ]]
	oci delete --regex nothing
	oci delete -r -f .
	[ -z "$(oci list -q)" ]
}

@test "delete: a running container is refused, a created one ended, what a dead creator left is removed" {
	detached
	run oci delete "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot delete container $ID that is not stopped: running"* ]]
	oci delete -f "$ID"
	args sleep 100
	oci create --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	oci delete "$ID"
	mkdir "$T/state/left"
	run oci delete left
	[ "$status" -eq 1 ]
	[[ "$output" == *"container does not exist"* ]]
	[ ! -e "$T/state/left" ]
}

@test "start, pause, resume in the wrong state" {
	for verb in start pause resume; do
		run oci $verb none
		[ "$status" -eq 1 ]
		[[ "$output" == *"container does not exist"* ]]
		run oci $verb
		[ "$status" -eq 1 ]
	done
	detached
	run oci start "$ID"
	[[ "$output" == *"cannot start an already running container"* ]]
	run oci resume "$ID"
	[ "$status" -eq 1 ]
	oci pause "$ID"
	[[ "$(oci state "$ID")" == *'"status": "paused"'* ]]
	run oci pause "$ID"
	[ "$status" -eq 1 ]
	oci resume "$ID"
	oci kill "$ID" KILL
	eventually 60 is_stopped
	run oci start "$ID"
	[[ "$output" == *"cannot start a container that has stopped"* ]]
}

@test "update: every option reaches its file" {
	detached
	oci update --memory 64M --memory-swap 128m --memory-reservation 32MiB --pids-limit 20 --cpu-share 512 \
		--cpu-period 50000 --cpu-quota=20000 "$ID" --cpuset-cpus 0 --cpuset-mems 0
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 67108864 ]
	[ "$(cat "$(cgfile memory memory.soft_limit_in_bytes memory.low)")" = 33554432 ]
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = 20 ]
	[ "$(cat "$(cgfile cpuset cpuset.cpus cpuset.cpus)")" = 0 ]
	if [ -d /sys/fs/cgroup/memory ]; then
		[ "$(cat "$(cgfile memory memory.memsw.limit_in_bytes -)")" = 134217728 ]
		[ "$(cat "$(cgfile cpu cpu.shares -)")" = 512 ]
		[ "$(cat "$(cgfile cpu cpu.cfs_period_us -)")" = 50000 ]
		[ "$(cat "$(cgfile cpu cpu.cfs_quota_us -)")" = 20000 ]
	fi
	oci update --cpu-burst 10000 "$ID"
	[[ "$(cat "$(cgfile cpu cpu.cfs_burst_us cpu.max.burst)")" == 10* ]]
	oci update "$ID" --pids-limit -1
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = max ]
	oci update "$ID" --memory 1.5g --memory-swap -1
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 1610612736 ]
	oci update --cpu-idle 1 "$ID"
	[ "$(cat "$(cgfile cpu cpu.idle cpu.idle)")" = 1 ]
}

@test "update -r: a file, standard input; options are ignored then; wrong values are named" {
	detached
	echo '{"pids": {"limit": 33}}' >"$T/r.json"
	oci update -r "$T/r.json" --pids-limit 44 "$ID"
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = 33 ]
	echo '{"pids": {"limit": 34}, "memory": {"limit": 33554432}}' | oci update --resources - "$ID"
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = 34 ]
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 33554432 ]
	for text in '' '[]' '{"pids": '; do
		run oci update -r - "$ID" <<<"$text"
		[ "$status" -eq 1 ]
	done
	run oci update -r "$T/missing" "$ID"
	[ "$status" -eq 1 ]
	for flag in memory=x memory=1q memory=-5 memory-swap=1.2.3 cpu-quota=much cpu-share=1k cpu-idle=yes; do
		run oci update "--$flag" "$ID"
		[ "$status" -eq 1 ]
		[[ "$output" == *"invalid value for ${flag%%=*}"* ]]
	done
	run oci update --blkio-weight x "$ID"
	[[ "$output" == *"for flag -blkio-weight: parse error"* ]]
	run oci update --kernel-memory 10M "$ID"
	[ "$status" -eq 0 ]
	[[ "$output" == *"level=warning"*"Kernel memory settings are ignored"* ]]
	if [ ! -e /sys/fs/resctrl/info ]; then
		run oci update --l3-cache-schema L3:0=f "$ID"
		[[ "$output" == *"l3 cache schema is not enabled"* ]]
		run oci update --mem-bw-schema MB:0=50 "$ID"
		[[ "$output" == *"memory bandwidth schema is not enabled"* ]]
	fi
}
