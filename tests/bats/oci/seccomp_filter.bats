#!/usr/bin/env bats
# Seccomp profiles as a container meets them: actions, errnos, flags, other architectures, listeners.
load common

setup_file() {
	gcc -static -O1 -Wall -o "$BATS_FILE_TMPDIR/probe" "$BATS_TEST_DIRNAME/probe.c" || skip "no static C compiler"
}

# seccomp 'PYTHON DICT' [PROBE ARGUMENT ...]: runs the probe in a container with the profile.
seccomp() {
	cp "$BATS_FILE_TMPDIR/probe" "$T/bundle/rootfs/bin/probe"
	config "c['linux']['seccomp'] = $1" 'c["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}]'
	shift
	args probe "$@"
	run oci run --bundle "$T/bundle" "$ID"
}

start_agent() {
	python3 "$BATS_TEST_DIRNAME/seccomp_agent.py" "$T/agent.sock" "$@" >"$T/agent.log" 2>&1 3>&- &
	AGENT=$!
	eventually 60 grep -q ready "$T/agent.log"
}

stop_agent() {
	kill "$AGENT"
	wait "$AGENT" 2>/dev/null || true
}

x86_64() {
	[ "$(uname -m)" = x86_64 ] || skip "x86-64 only"
}

@test "errno: explicit, default, of the default action" {
	x86_64
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' native 258 -100 /x 0
	[ "$output" = -28 ]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' native 258 -100 /x 0
	[ "$output" = -1 ]
}

@test "a call newer than the newest that the profile names answers ENOSYS, an older one the default" {
	x86_64
	local profile='{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 6, "syscalls": [{"names": ["read", "write", "writev", "exit_group", "execve", "brk", "arch_prctl", "mmap", "munmap", "mprotect", "fstat", "newfstatat", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "ioctl", "futex", "access", "rt_sigaction", "rt_sigprocmask"], "action": "SCMP_ACT_ALLOW"}]}'
	seccomp "$profile" native 39
	[ "$output" = -6 ]
	seccomp "$profile" native 333
	[ "$output" = -6 ]
	seccomp "$profile" native 424
	[ "$output" = -38 ]
	seccomp "$profile" native 5000
	[ "$output" = -38 ]
}

@test "actions: kill, kill process, trap, log, trace" {
	x86_64
	local a
	for a in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD SCMP_ACT_KILL_PROCESS SCMP_ACT_TRAP; do
		seccomp "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['sync'], 'action': '$a'}]}" native 162
		[ "$status" -eq 159 ]
	done
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_LOG"}]}' native 121 0
	[ "$status" -eq 0 ]
	[ "$output" -ge 0 ]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_TRACE"}]}' native 121 0
	[ "$output" = -38 ]
}

@test "arguments are compared in full width" {
	x86_64
	local profile='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97, "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 4, "op": "SCMP_CMP_GT"}]}, {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7, "args": [{"index": 0, "value": 4294967296, "valueTwo": 4294967296, "op": "SCMP_CMP_MASKED_EQ"}]}]}'
	seccomp "$profile" native 41 16 3 9
	[ "$output" = -97 ]
	seccomp "$profile" native 41 16 3 0
	[ "$output" -ge 0 ]
	seccomp "$profile" native 121 0x100000000
	[ "$output" = -7 ]
	seccomp "$profile" native 121 0
	[ "$output" -ge 0 ]
}

@test "a 32-bit call from a 64-bit program is killed unless the profile has the architecture" {
	x86_64
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' int80 39 /tmp/x 0
	[ "$status" -eq 159 ]
	[ ! -e "$T/bundle/rootfs/tmp/x" ]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' int80 39 /tmp/x 0
	[ "$output" = -28 ]
}

@test "sockets of 32-bit programs are filtered behind socketcall as well" {
	x86_64
	local profile='{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97}]}'
	seccomp "$profile" int80 102 1 0
	[ "$output" = -97 ]
	seccomp "$profile" int80 359 2 1 0
	[ "$output" = -97 ]
	seccomp "$profile" int80 102 2 0
	[ "$output" = -14 ]
}

@test "x32 calls are killed, or answered by the profile's own rules for x32" {
	x86_64
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' native 0x40000053 /tmp/x 0
	[ "$status" -eq 159 ]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X32"], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' native 0x40000053 /tmp/x 0
	[ "$output" = -28 ]
}

@test "flags: the default, none, unknown ones refused" {
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW"}' native 39
	[ "$status" -eq 0 ]
	run oci --debug run --bundle "$T/bundle" "$ID"
	[[ "$output" == *'"seccomp filter flags: 4"'* ]]
	config 'c["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_LOG"]'
	run oci --debug run --bundle "$T/bundle" "$ID"
	[[ "$output" == *'"seccomp filter flags: 2"'* ]]
	config 'c["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_NONSENSE"]'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"seccomp flag SECCOMP_FILTER_FLAG_NONSENSE is not known"* ]]
}

@test "what is wrong is named" {
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_BOGUS"}]}' native 39
	[ "$status" -eq 1 ]
	[[ "$output" == *"syscalls[0]"*"SCMP_ACT_BOGUS is not a valid action"* ]]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]}' native 39
	[[ "$output" == *"SCMP_ARCH_VAX is not a valid arch"* ]]
	seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 7, "value": 0, "op": "SCMP_CMP_EQ"}]}]}' native 39
	[[ "$output" == *"syscalls[0]"*"args[0]"*"index"* ]]
}

@test "exec is under the container's filter" {
	config 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
	detached
	run oci exec "$ID" mkdir /tmp/x
	[[ "$output" == *"No space left on device"* ]]
}

@test "a listener gets the state message and is asked, whatever the call" {
	x86_64
	start_agent
	local nnp
	for nnp in True False; do
		config "c['process']['noNewPrivileges'] = $nnp"
		seccomp "{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$T/agent.sock', 'listenerMetadata': 'told', 'syscalls': [{'names': ['getpgid', 'sendmsg', 'prctl', 'wait4', 'close', 'execve'], 'action': 'SCMP_ACT_NOTIFY'}]}" native 121 0
		[ "$status" -eq 0 ]
		[ "$output" -ge 0 ]
	done
	stop_agent
	[ "$(grep -c '^call 121$' "$T/agent.log")" = 2 ]
	python3 - "$T/agent.log" "$ID" "$T/bundle" <<'PY'
import json, sys
m = json.loads([l for l in open(sys.argv[1]) if l.startswith("{")][0])
assert m["fds"] == ["seccompFd"] and m["metadata"] == "told" and m["pid"] > 0 and m["ociVersion"], m
s = m["state"]
assert s["id"] == sys.argv[2] and s["status"] == "creating" and s["bundle"] == sys.argv[3] and s["pid"] == m["pid"], m
PY
}

@test "a listener's answer is the call's result, in exec too" {
	x86_64
	start_agent 28
	config "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$T/agent.sock', 'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_NOTIFY'}]}"
	detached
	run oci exec "$ID" mkdir /tmp/x
	stop_agent
	[[ "$output" == *"No space left on device"* ]]
	[ "$(grep -c '^{' "$T/agent.log")" = 2 ]
	[[ "$(grep '^{' "$T/agent.log" | tail -1)" == *'"status": "running"'* ]]
}

@test "listeners refused: none there, none named, for write, as the default" {
	local rule="'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]"
	seccomp "{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$T/nobody.sock', $rule}" native 39
	[ "$status" -ne 0 ]
	[[ "$output" == *"failed to connect with seccomp agent"* ]]
	seccomp "{'defaultAction': 'SCMP_ACT_ALLOW', $rule}" native 39
	[[ "$output" == *"listenerPath is not set"* ]]
	seccomp "{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '/x', 'syscalls': [{'names': ['write'], 'action': 'SCMP_ACT_NOTIFY'}]}" native 39
	[[ "$output" == *"SCMP_ACT_NOTIFY cannot be used for the write syscall"* ]]
	seccomp "{'defaultAction': 'SCMP_ACT_NOTIFY', 'listenerPath': '/x'}" native 39
	[[ "$output" == *"cannot be used as default action"* ]]
}

@test "startContainer hooks are under the filter" {
	x86_64
	config 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_KILL"}]}' \
		'c["hooks"] = {"startContainer": [{"path": "/bin/probe", "args": ["probe", "native", "162"]}]}' \
		'c["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}]'
	cp "$BATS_FILE_TMPDIR/probe" "$T/bundle/rootfs/bin/probe"
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"startContainer hook"*"bad system call"* ]]
}

@test "the default profile: what it allows, refuses and hides" {
	x86_64
	local profile='{"defaultAction": "SCMP_ACT_ERRNO", "io.knarr.default": ["CAP_SYS_CHROOT"]}'
	seccomp "$profile" native 39
	[ "$output" -gt 0 ]
	seccomp "$profile" native 165 0 0 0 0 0
	[ "$output" = -1 ]
	seccomp "$profile" native 435 0 0
	[ "$output" = -38 ]
	seccomp "$profile" native 41 40 1 0
	[ "$output" = -1 ]
	seccomp "$profile" int80 21 0 0 0 0
	[ "$output" = -1 ]
	seccomp "$profile" native 0x40000000
	[ "$status" -ne 0 ] || [ "$output" = -38 ] || [ "$output" = -1 ]
}
