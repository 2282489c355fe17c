#!/usr/bin/env bats
# Hooks: order, namespaces, state, environment, time limits, and what their failure means.
load common

# hook KIND SCRIPT [MORE]: appends a hook that runs SCRIPT by sh.
hook() {
	K="$1" S="$2" M="${3:-}" python3 - "$T/bundle/config.json" <<'PY'
import json, os, sys
c = json.load(open(sys.argv[1]))
h = {"path": "/bin/sh", "args": ["sh", "-c", os.environ["S"]]}
h.update(json.loads(os.environ["M"] or "{}"))
c.setdefault("hooks", {}).setdefault(os.environ["K"], []).append(h)
json.dump(c, open(sys.argv[1], "w"))
PY
}

@test "all kinds run in their order, outside and inside" {
	for kind in prestart createRuntime poststart poststop; do
		hook $kind "echo $kind >>$T/log"
	done
	hook createContainer "echo createContainer >>$T/log" # mount namespace of its own, the same files still
	hook startContainer 'echo startContainer >&0; ls / >/dev/null; echo "started in $(hostname)" >/tmp/mark'
	args sh -c 'cat /tmp/mark'
	config 'c["root"]["readonly"] = False'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "started in knarr" ]
	[ "$(tr '\n' ' ' <"$T/log")" = "prestart createRuntime createContainer poststart poststop " ]
}

@test "the state on standard input tells id, status, bundle and pid" {
	hook createRuntime "cat >$T/runtime"
	hook createContainer "cat >$T/container"
	hook poststart "cat >$T/started"
	hook poststop "cat >$T/stopped"
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	python3 - "$T" "$ID" <<'PY'
import json, sys
t, id = sys.argv[1:]
s = {n: json.load(open(f"{t}/{n}")) for n in ("runtime", "container", "started", "stopped")}
assert all(x["id"] == id and x["bundle"] == f"{t}/bundle" and x["ociVersion"] for x in s.values()), s
assert [s[n]["status"] for n in s] == ["creating", "creating", "running", "stopped"], s
assert s["runtime"]["pid"] > 1 and s["container"]["pid"] == 1, s
assert not s["stopped"].get("pid"), s
PY
}

@test "state says created until the program is executed, for run too" {
	for kind in createRuntime createContainer poststart; do
		hook $kind "$(realpath "$OCI_BIN") --root $T/state state $ID >$T/$kind"
	done
	detached
	[ "$(jq -r .status "$T/createRuntime")" = created ]
	[ "$(jq -r .status "$T/createContainer")" = created ]
	[ "$(jq -r .status "$T/poststart")" = running ]
	[ "$(oci state "$ID" | jq -r .status)" = running ]
	[ ! -e "$T/state/$ID/exec.fifo" ]
	run oci start "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot start an already running container"* ]]
}

@test "arguments, environment and directory are as given" {
	hook createRuntime "env >$T/env; pwd >$T/pwd" '{"env": ["A=1", "B=two words"]}'
	hook createContainer "pwd >$T/pwd2; echo \$0 >$T/zero" '{"path": "/bin/bash", "args": ["myself", "-c", "echo $0 >'"$T/zero"'; pwd >'"$T/pwd2"'"]}'
	hook startContainer 'echo "$ONE $HOME" >/tmp/mark'
	config 'c["process"]["env"] = ["ONE=1", "PATH=/bin"]' 'c["root"]["readonly"] = False'
	args cat /tmp/mark
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "1 /root" ]
	grep -qx A=1 "$T/env"
	grep -qx 'B=two words' "$T/env"
	[ "$(grep ^PATH= "$T/env")" = "$(env -i /bin/sh -c env | grep ^PATH=)" ] # the shell's own at most
	[ "$(cat "$T/pwd")" = "$T/bundle" ]
	[ "$(cat "$T/pwd2")" = "$T/bundle/rootfs" ]
	[ "$(cat "$T/zero")" = myself ]
}

@test "a failing hook ends create, whatever kind, and nothing is left" {
	for kind in prestart createRuntime createContainer startContainer poststart; do
		config 'c.pop("hooks", None)'
		hook $kind true
		hook $kind 'echo no good; echo bad >&2; exit 3'
		args echo started
		run oci run --bundle "$T/bundle" "$ID"
		[ "$status" -ne 0 ]
		[[ "$output" == *"error running $kind hook #1: exit status 3, stdout: no good"*"stderr: bad"* ]]
		[ -z "$(ls -A "$T/state")" ]
	done
}

@test "a failing poststop hook is a warning and the next one runs" {
	hook poststop 'exit 1'
	hook poststop "touch $T/second"
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[[ "$output" == *"level=warning"*"error running poststop hook #0: exit status 1"* ]]
	[ -e "$T/second" ]
}

@test "a failing poststart hook stops a container that was started by itself" {
	hook poststart 'exit 1'
	args sleep 300
	oci create --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	run oci start "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"error running poststart hook #0"* ]]
	eventually 60 is_stopped
}

@test "a hook is killed after its timeout" {
	hook createRuntime "echo \$\$ >$T/hookpid; exec sleep 600" '{"timeout": 1}'
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"error running createRuntime hook #0: hook ran past specified timeout of 1.0s"* ]]
	ended "$(cat "$T/hookpid")"
}

@test "a hook that cannot be run, and a signal" {
	hook createRuntime true '{"path": "/no/such/hook"}'
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[[ "$output" == *"fork/exec /no/such/hook: no such file or directory"* ]]
	config 'c.pop("hooks")'
	hook createRuntime 'kill -9 $$'
	run oci run --bundle "$T/bundle" "$ID"
	[[ "$output" == *"error running createRuntime hook #0: signal: killed"* ]]
}

@test "a hook has only the standard descriptors" {
	hook createRuntime "ls /proc/self/fd >$T/fds"
	args true
	oci run --bundle "$T/bundle" "$ID" 5</dev/null 6</dev/null
	[ "$(grep -cE '^[0-2]$' "$T/fds")" -eq 3 ]
	[ "$(wc -l <"$T/fds")" -le 4 ] # and the one that ls reads by
}
