#!/usr/bin/env bats
# The verbs of knarr-oci over one container's life.
load common

@test "run prints, passes the exit status on and leaves nothing" {
	args sh -c 'echo hello; exit 7'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 7 ]
	[ "$output" = hello ]
	[ -z "$(ls -A "$T/state")" ]
	[ -z "$(ls -d /sys/fs/cgroup/*"$CG" /sys/fs/cgroup"$CG" 2>/dev/null)" ]
	if grep -q "$T" /proc/self/mountinfo; then false; fi
}

@test "create, start, state, kill, delete" {
	args sleep 300
	oci create --bundle "$T/bundle" --pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	run oci state "$ID"
	[[ "$output" == *'"status": "created"'* ]]
	pid=$(cat "$T/pid")
	[ "$(oci list -q)" = "$ID" ]
	oci start "$ID"
	[[ "$(oci state "$ID")" == *'"status": "running"'* ]]
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 300 " ]
	run oci start "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot start an already running container"* ]]
	run oci delete "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"is not stopped: running"* ]]
	oci kill "$ID" KILL
	eventually 60 is_stopped
	oci delete "$ID"
	run oci state "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"container does not exist"* ]]
}

@test "a second container with the id is refused" {
	detached
	run oci create --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"already exists"* ]]
}

@test "options may stand behind the id" {
	args sleep 300
	oci run "$ID" -d --bundle "$T/bundle" </dev/null >"$T/out" 2>&1 3>&-
	[ "$(oci list -q)" = "$ID" ]
	oci delete "$ID" --force
	[ -z "$(oci list -q)" ]
}

@test "delete --force of what does not exist succeeds, without force it fails" {
	oci delete --force nothing
	run oci delete nothing
	[ "$status" -eq 1 ]
}

@test "a creator killed half-way leaves something that delete --force removes" {
	mkdir -p "$T/state/$ID"
	oci delete --force "$ID"
	[ ! -e "$T/state/$ID" ]
}

@test "exec passes output and exit status on" {
	detached
	run oci exec "$ID" sh -c 'echo in; cat /proc/1/cmdline | tr "\0" " "; exit 9'
	[ "$status" -eq 9 ]
	[[ "$output" == in* ]]
}

@test "exec joins the namespaces of the container" {
	detached
	pid=$(oci state "$ID" | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')
	for ns in net ipc uts mnt pid cgroup; do
		[ "$(oci exec "$ID" readlink "/proc/self/ns/$ns")" = "$(readlink "/proc/$pid/ns/$ns")" ]
	done
	[ "$(oci exec "$ID" hostname)" = knarr ]
}

@test "exec with user, cwd, env and no_new_privs" {
	detached
	[ "$(oci exec --user 1000:1000 "$ID" id -u)" = 1000 ]
	[ "$(oci exec --user 1000:1000 "$ID" sh -c 'echo $HOME')" = /home/u ]
	[ "$(oci exec --cwd /bin "$ID" pwd)" = /bin ]
	[ "$(oci exec --env A=1 --env A=2 "$ID" sh -c 'echo $A')" = 2 ]
	run oci exec "$ID" nothing
	[ "$status" -eq 255 ]
	[[ "$output" == *'exec: \"nothing\": executable file not found in $PATH'* ]]
}

@test "a missing program is an error of create" {
	args nothing
	run oci create --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *'unable to start container process: error during container init: exec: \"nothing\": executable file not found in $PATH'* ]]
	args /bin/none
	run oci run --bundle "$T/bundle" "$ID"
	[[ "$output" == *'exec: \"/bin/none\": stat /bin/none: no such file or directory'* ]]
	args /etc/passwd
	run oci run --bundle "$T/bundle" "$ID"
	[[ "$output" == *'exec: \"/etc/passwd\": permission denied'* ]]
	[ -z "$(oci list -q)" ]
}

@test "pause and resume" {
	detached
	oci pause "$ID"
	[[ "$(oci state "$ID")" == *'"status": "paused"'* ]]
	run oci exec "$ID" true
	[ "$status" -eq 255 ]
	oci resume "$ID"
	[[ "$(oci state "$ID")" == *'"status": "running"'* ]]
	oci exec "$ID" true
}

@test "delete --force ends a paused container" {
	detached
	oci pause "$ID"
	timeout 60 "$OCI_BIN" --root "$T/state" delete --force "$ID"
	[ -z "$(oci list -q)" ]
}

@test "ps lists the processes of the container" {
	detached
	[[ "$(oci ps "$ID")" == *"sleep 300"* ]]
	[[ "$(oci ps -f json "$ID")" =~ ^\[[0-9]+\]$ ]]
}

@test "list as table and as JSON" {
	detached
	[[ "$(oci list)" == ID*"$ID"*running* ]]
	[ "$(oci list -f json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])')" = "$ID" ]
}

@test "a terminal through the console socket" {
	command -v python3 >/dev/null || skip "needs python3"
	config 'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"height": 30, "width": 90}'
	args sh -c 'tty; stty size; ls -l /dev/console; sleep 300'
	python3 - "$T/console.sock" >"$T/tty" 3>&- <<'PY' &
import array, os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
_, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
text = b""
until = time.time() + 60
while time.time() < until and text.count(b"\n") < 3:
    text += os.read(fd, 4096)
print(text.decode())
PY
	eventually 60 test -S "$T/console.sock"
	oci run -d --bundle "$T/bundle" --console-socket "$T/console.sock" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	wait
	grep -q /dev/pts/0 "$T/tty"
	grep -q "30 90" "$T/tty"
}

@test "a terminal without console socket is refused when detached" {
	config 'c["process"]["terminal"] = True'
	run oci run -d --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"console socket"* ]]
	[ -z "$(oci list -q)" ]
}

@test "hooks get the state and may refuse" {
	cat >"$T/hook" <<'H'
#!/bin/sh
cat >"$1.$2"
H
	chmod +x "$T/hook"
	config "c['hooks'] = {k: [{'path': '$T/hook', 'args': ['hook', '$T/seen', k]}] for k in ('prestart', 'createRuntime', 'poststart', 'poststop')}"
	args true
	oci run --bundle "$T/bundle" "$ID"
	for k in prestart createRuntime poststart poststop; do grep -q "\"id\":\"$ID\"" "$T/seen.$k"; done
	config "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo no >&2; exit 3']}]}"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"hook #0"*"exit status 3"* ]]
	[ -z "$(oci list -q)" ]
}

@test "hooks that name no environment have the runtime's, others theirs alone" {
	args true
	config "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo \$MARK >$T/one']}, {'path': '/bin/sh', 'args': ['sh', '-c', 'echo \$MARK,\$OWN >$T/two'], 'env': ['OWN=1']}, {'path': '/bin/sh', 'args': ['sh', '-c', 'echo \$MARK. >$T/three'], 'env': []}]}"
	MARK=here oci run --bundle "$T/bundle" "$ID"
	[ "$(cat "$T/one" "$T/two" "$T/three")" = $'here\n,1\n.' ]
}

@test "usage: unknown command, log file, features, version" {
	run oci nonsense
	[ "$status" -eq 3 ]
	run oci --log "$T/log" --log-format json state none
	[ "$status" -eq 1 ]
	[ "$output" = "container does not exist" ]
	python3 -c 'import json,sys; assert json.loads(sys.stdin.readline())["level"] == "error"' <"$T/log"
	oci features | python3 -c 'import json,sys; assert "mount" in json.load(sys.stdin)["linux"]["namespaces"]'
	[[ "$(oci --version)" == "knarr-oci version "* ]]
}

@test "run: what the kernel does not take as a program is told by one line, as after start" {
	printf '#!/no/interpreter\n' >"$T/bundle/rootfs/run.sh"
	chmod +x "$T/bundle/rootfs/run.sh"
	args /run.sh
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 255 ]
	[ "$output" = "exec /run.sh: no such file or directory" ]
	[ -z "$(oci list -q)" ]
}
