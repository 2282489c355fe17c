#!/usr/bin/env bats
# knarr-oci under Debian's podman.
bats_require_minimum_version 1.5.0
load podman

setup_file() { podman_setup_file; }
teardown_file() { podman_teardown_file; }
setup() { if [ -s "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi; }
teardown() { [ -z "${P:-}" ] || pod rm -f -t 0 -a >/dev/null; }

@test "podman info names the runtime and its version" {
	[ "$(pod info -f '{{.Host.OCIRuntime.Path}}')" = "$OCI_BIN" ]
	[[ "$(pod info -f '{{.Host.OCIRuntime.Version}}')" == *"knarr-oci version "*"spec: 1."* ]]
}

@test "run: output, exit status, 126 and 127" {
	run --separate-stderr pod run --rm --cgroup-parent "$CG" "$IMAGE" sh -c 'echo out; echo err >&2; exit 5'
	[ "$status" -eq 5 ]
	[ "$output" = out ]
	[ "$stderr" = err ]
	run -127 pod run --rm --cgroup-parent "$CG" "$IMAGE" nothing
	[[ "$output" == *'exec: "nothing": executable file not found in $PATH'*"not found"* ]]
	run -126 pod run --rm --cgroup-parent "$CG" "$IMAGE" /etc/passwd
	[[ "$output" == *'exec: "/etc/passwd": permission denied'* ]]
	run -127 pod run --rm --cgroup-parent "$CG" "$IMAGE" /none
	[ "$(pod ps -aq)" = "" ]
}

@test "run: standard input, a killed program" {
	[ "$(echo text | pod run --rm -i --cgroup-parent "$CG" "$IMAGE" cat)" = text ]
	inside -- 'trap "exit 9" TERM; kill -TERM $$; sleep 5'
	[ "$status" -eq 9 ]
	inside -- '(sleep 0.2; kill -SEGV -1) & exec sleep 5'
	[ "$status" -eq 0 ] # the first process of a namespace is not killed from inside
}

@test "run: environment, user, working directory, host name" {
	inside -e A=b -u 1000:7 -w /var/tmp --hostname there -- 'echo $A; id -u; id -g; pwd; hostname; echo $HOME; echo $container'
	[ "$output" = $'b\n1000\n7\n/var/tmp\nthere\n/home\npodman' ]
}

@test "run: volumes, tmpfs, a read-only root" {
	mkdir -p "$P/vol/sub"
	echo data >"$P/vol/file"
	inside -v "$P/vol:/rw" -v "$P/vol:/ro:ro" --mount "type=bind,src=$P/vol/file,dst=/one" --tmpfs /t:size=1m,mode=700 --read-only -- \
		'cat /ro/file /one; echo new >/rw/new; cat /ro/new; touch /ro/x; touch /x; touch /t/x && stat -c %a /t; touch /run/x && echo run; df -k /t | tail -n 1'
	[[ "$output" == data$'\n'data$'\n'new$'\n'*"/ro/x: Read-only file system"*"/x: Read-only file system"*$'\n'700$'\n'run$'\n'*1024* ]]
	[ "$(cat "$P/vol/new")" = new ]
	pod volume create v1
	inside -v v1:/home -- 'touch /home/kept'
	inside -v v1:/home -- 'ls /home'
	[ "$output" = kept ]
	pod volume rm v1
}

@test "run: capabilities, no_new_privs, --privileged" {
	inside --cap-drop all --cap-add chown -- 'grep -E "Cap(Eff|Bnd)" /proc/self/status | cut -f 2'
	[ "$output" = $'0000000000000001\n0000000000000001' ]
	inside --cap-add sys_time -- 'grep CapEff /proc/self/status'
	caps=${output##*[[:space:]]}
	((0x$caps & 1 << 25))
	inside -u 1000 --cap-drop all --security-opt no-new-privileges -- 'grep -E "CapEff|NoNew" /proc/self/status | cut -f 2'
	[ "$output" = $'0000000000000000\n1' ]
	inside --privileged -- 'grep Seccomp: /proc/self/status; [ -e /dev/loop-control ] && echo devices; mount -t tmpfs t /mnt 2>/dev/null || mkdir /m && mount -t tmpfs t /m && echo mounted'
	[[ "$output" == *"Seccomp:"*0* && "$output" == *mounted* ]]
}

@test "run: seccomp by default, by a file, and not" {
	inside -- 'grep Seccomp: /proc/self/status; unshare -m true'
	[[ "$output" == *2*"Operation not permitted"* ]]
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$P/profile.json"
	inside --security-opt "seccomp=$P/profile.json" -- 'mkdir /x'
	[[ "$output" == *"No space left on device"* ]]
	inside --security-opt seccomp=unconfined -- 'grep Seccomp: /proc/self/status'
	[[ "$output" == *0 ]]
}

@test "run: rlimits, sysctl, devices, masked paths, shm" {
	inside --ulimit nproc=1024 --ulimit nofile=77:88 -- 'ulimit -n; ulimit -Hn'
	[ "$output" = $'77\n88' ]
	inside --network none --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shm_rmid_forced=1 -- 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced'
	[ "$output" = $'1\n1' ]
	inside --device /dev/null:/dev/mine:rw -- 'echo x >/dev/mine; [ -c /dev/mine ] && echo fine'
	[ "$output" = fine ]
	inside --shm-size 2m -- 'df -k /dev/shm | tail -n 1; wc -c </proc/keys; echo 1 >/proc/sys/kernel/core_pattern'
	[[ "$output" == *2048*$'\n'0$'\n'*"Read-only file system"* ]]
}

@test "run: limits are in the cgroup" {
	start limits -m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --pids-limit 33
	[ "$(cgfile limits memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(cgfile limits pids pids.max pids.max)" = 33 ]
	[[ "$(cgfile limits cpu cpu.cfs_quota_us cpu.max)" == 50000* ]]
	[ "$(cgfile limits pids cgroup.procs cgroup.procs | head -n 1)" = "$(pod inspect -f '{{.State.Pid}}' limits)" ]
	inside -m 16m -- 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done'
	[ "$status" -eq 137 ]
}

@test "run: a terminal" {
	command -v script >/dev/null || skip "needs script of bsdutils"
	SHELL=$BASH run script -qec "pod run --rm -it --cgroup-parent $CG $IMAGE sh -c 'tty; stty size; [ -t 0 ] && [ -t 1 ] && echo both; exit 3'" "$P/typescript" </dev/null
	[ "$status" -eq 3 ]
	[[ "$output" == *"/dev/pts/0"*both* ]]
}

@test "run: --init reaps and forwards" {
	start init --init
	[[ "$(pod exec init cat /proc/1/cmdline | tr '\0' ' ')" == *init* ]]
	pod exec init sh -c '(true &) ; sleep 0.2; ps | grep -c "[Z] "' || true
	run pod stop -t 60 init
	[ "$(pod inspect -f '{{.State.ExitCode}}' init)" = 0 ]
}

@test "namespaces are shared: --pid, --ipc, --net, --uts with another container, with the host" {
	start first --hostname one
	pid=$(pod inspect -f '{{.State.Pid}}' first)
	inside --pid container:first --ipc container:first --network container:first -- 'for n in pid ipc net; do readlink /proc/self/ns/$n; done; ps'
	for n in pid ipc net; do [[ "$output" == *"$(readlink "/proc/$pid/ns/$n")"* ]]; done
	[[ "$output" == *"while :; do sleep 1"* ]]
	inside --pid host --uts host --network host -- 'for n in pid uts net; do readlink /proc/self/ns/$n; done'
	[ "$output" = "$(for n in pid uts net; do readlink "/proc/self/ns/$n"; done)" ]
}

@test "a user namespace" {
	inside --uidmap 0:200000:65536 --gidmap 0:300000:65536 -- 'cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /x && stat -c %u /x; echo x >/dev/null && echo fine'
	[ "$status" -eq 0 ]
	[ "$(echo $output)" = "0 200000 65536 0 300000 65536 0 0 fine" ]
}

@test "exec: status, user, directory, environment, standard input, 126 and 127" {
	start box
	run pod exec box sh -c 'exit 4'
	[ "$status" -eq 4 ]
	[ "$(pod exec -u 1000:5 -w /tmp -e X=y box sh -c 'id -u; id -g; pwd; echo $X')" = $'1000\n5\n/tmp\ny' ]
	[ "$(echo text | pod exec -i box cat)" = text ]
	run -127 pod exec box nothing
	[[ "$output" == *"executable file not found"* ]]
	run -126 pod exec box /etc/passwd
	pod exec --privileged box grep CapEff /proc/self/status
	run pod exec box sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
}

@test "exec: a terminal; detached" {
	start box
	if command -v script >/dev/null; then
		SHELL=$BASH run script -qec "pod exec -it box sh -c 'tty; exit 6'" "$P/typescript" </dev/null
		[ "$status" -eq 6 ]
		[[ "$output" == */dev/pts/* ]]
	fi
	pod exec -d box sleep 77
	sleeps() { [[ "$(pod top box args)" == *"sleep 77"* ]]; }
	eventually 60 sleeps
	pod exec -d box sh -c 'echo done >/tmp/mark'
	marked() { [ "$(pod exec box cat /tmp/mark)" = done ]; }
	eventually 60 marked
}

@test "pause and unpause" {
	start box
	pod pause box
	[ "$(pod inspect -f '{{.State.Status}}' box)" = paused ]
	run pod exec box true
	[ "$status" -ne 0 ]
	pod unpause box
	pod exec box true
}

@test "stats, top, logs" {
	start box -m 64m
	[[ "$(pod stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' box)" =~ ^[1-9][0-9.]*[kM]B\ /\ 67.11MB\ [1-9] ]]
	run pod top box
	[[ "$output" == *USER*COMMAND*"while :"* ]]
	pod run --name talk --cgroup-parent "$CG" "$IMAGE" sh -c 'echo first; echo second >&2' >/dev/null 2>&1
	[ "$(pod logs talk 2>&1 | sort)" = $'first\nsecond' ]
}

@test "kill, stop, restart, wait, rm" {
	start box
	pod kill -s KILL box
	[ "$(timeout 120 bash -c 'pod wait box')" = 137 ]
	pod start box
	pod stop -t 60 box
	[ "$(pod inspect -f '{{.State.ExitCode}}' box)" = 0 ]
	pod restart -t 1 box
	[ "$(pod inspect -f '{{.State.Status}}' box)" = running ]
	pod rm -f -t 0 box
	[ -z "$(pod ps -aq)" ]
	if ls -d /sys/fs/cgroup/*"$CG"/libpod-* 2>/dev/null; then false; fi
}

@test "create, then start; cp; commit of what was written" {
	pod create --name made --cgroup-parent "$CG" "$IMAGE" sh -c 'cat /tmp/given; echo written >/kept'
	echo given >"$P/given"
	pod cp "$P/given" made:/tmp/given
	[ "$(pod start -a made)" = given ]
	pod cp made:/kept "$P/kept"
	[ "$(cat "$P/kept")" = written ]
	[[ "$(pod diff made)" == *"A /kept"* ]]
}

@test "health checks" {
	start box --health-cmd 'test -e /tmp/ok' --health-interval disable
	run pod healthcheck run box
	[ "$status" -eq 1 ]
	pod exec box touch /tmp/ok
	pod healthcheck run box
	[ "$(pod inspect -f '{{.State.Health.Status}}' box)" = healthy ]
}

@test "update" {
	pod update --help >/dev/null 2>&1 || skip "this podman has no update"
	start box -m 64m --cpus 0.5
	pod update -m 80m --cpus 1 box
	[ "$(cgfile box memory memory.limit_in_bytes memory.max)" = 83886080 ]
	[[ "$(cgfile box cpu cpu.cfs_quota_us cpu.max)" == 100000* ]]
}

# The infra container of a pod is made of catatonit, without any registry.
@test "pods: containers share namespaces, pause, stop, rm" {
	command -v catatonit >/dev/null || [ -e /usr/libexec/podman/catatonit ] || skip "needs catatonit"
	pod pod create --name p --cgroup-parent "$CG" --hostname pod --share net,ipc,uts
	pod run -d --pod p --name a "$IMAGE" sleep 1000
	pod run -d --pod p --name b "$IMAGE" sleep 1000
	for n in net ipc uts; do [ "$(pod exec a readlink "/proc/self/ns/$n")" = "$(pod exec b readlink "/proc/self/ns/$n")" ]; done
	[ "$(pod exec a readlink /proc/self/ns/pid)" != "$(pod exec b readlink /proc/self/ns/pid)" ]
	[ "$(pod exec b hostname)" = pod ]
	pod pod pause p
	[ "$(pod inspect -f '{{.State.Status}}' a)" = paused ]
	pod pod unpause p
	pod pod stats --no-stream p
	pod pod stop -t 0 p
	drop_false_cgroups # which podman stumbles over, too
	pod pod rm -f -t 0 p
	[ -z "$(pod ps -aq)" ]
}

@test "as an ordinary text log, without the JSON that podman asks for by the runtime's name" {
	sed 's/^runtime_supports_json.*/runtime_supports_json = []/' "$P/containers.conf" >"$P/plain.conf"
	plain() { TMPDIR=$P/tmp CONTAINERS_CONF=$P/plain.conf podman --root "$P/root" --runroot "$P/run" --tmpdir "$P/tmp" "$@" 3>&-; }
	run -127 plain run --rm --cgroup-parent "$CG" "$IMAGE" nothing
	[[ "$output" == *"executable file not found"* ]]
	run -126 plain run --rm --cgroup-parent "$CG" "$IMAGE" /etc/passwd
}

@test "many at once" {
	for i in 1 2 3 4 5 6; do pod run --rm --cgroup-parent "$CG" "$IMAGE" sh -c "exit $i" 3>&- & pids[i]=$!; done
	for i in 1 2 3 4 5 6; do
		s=0
		wait "${pids[i]}" || s=$?
		[ "$s" -eq "$i" ]
	done
}
