#!/usr/bin/env bats
# exec: the process object and the flags, terminals, what must not be possible.
load common

@test "exec takes over what the container's process has and changes what flags name" {
	config 'c["process"]["user"] = {"uid": 1000, "gid": 7, "additionalGids": [8], "umask": 0o027}' \
		'c["process"]["cwd"] = "/tmp"' 'c["process"]["env"] = ["A=1", "PATH=/bin"]'
	detached sleep 100
	run oci exec "$ID" sh -c 'id -u; id -G; umask; pwd; echo $A'
	[ "${lines[*]}" = "1000 7 8 0027 /tmp 1" ]
	run oci exec --user 5 "$ID" sh -c 'id -u; id -G'
	[ "${lines[*]}" = "5 7 8" ]
	run oci exec --user 5:6 --additional-gids 9 --cwd /bin --env A=2 --env B=3 "$ID" sh -c 'id -u; id -G; pwd; echo $A$B'
	[ "${lines[*]}" = "5 6 8 9 /bin 23" ]
	run oci exec --user x "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"bad uid"* ]]
}

@test "exec by a process file" {
	detached sleep 100
	cat >"$T/process.json" <<'P'
{"args": ["sh", "-c", "echo $X; pwd; grep NoNewPrivs /proc/self/status"], "cwd": "/tmp", "env": ["X=9", "PATH=/bin"],
 "noNewPrivileges": false, "user": {"uid": 3, "gid": 4}}
P
	run oci exec --process "$T/process.json" "$ID"
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "9 /tmp NoNewPrivs:	0" ]
	for bad in '{"cwd": "/"}' '{"args": ["true"], "cwd": "relative"}' '[]' '{"args": [], "cwd": "/"}'; do
		echo "$bad" >"$T/process.json"
		run oci exec --process "$T/process.json" "$ID"
		[ "$status" -eq 255 ]
	done
}

@test "exec of what cannot be executed is 255 with the reason" {
	detached sleep 100
	run oci exec "$ID" nothing
	[ "$status" -eq 255 ]
	[[ "$output" == *'exec: \"nothing\": executable file not found in $PATH'* ]]
	run oci exec "$ID" /nothing
	[ "$status" -eq 255 ]
	[[ "$output" == *'exec: \"/nothing\": stat /nothing: no such file or directory'* ]]
	run oci exec "$ID" /etc/passwd
	[ "$status" -eq 255 ]
	[[ "$output" == *'exec: \"/etc/passwd\": permission denied'* ]]
	run oci exec "$ID" /bin
	[[ "$output" == *'exec: \"/bin\": is a directory'* ]]
	printf '#!/no/interpreter\n' >"$T/bundle/rootfs/bin/script"
	chmod +x "$T/bundle/rootfs/bin/script"
	run oci exec "$ID" script
	[ "$status" -eq 255 ]
	[[ "$output" == *"exec /bin/script: no such file or directory"* ]]
}

@test "exec does not make a working directory, and refuses one outside" {
	detached sleep 100
	run oci exec --cwd /missing "$ID" pwd
	[ "$status" -eq 255 ]
	[[ "$output" == *'chdir to cwd (\"/missing\") set in config.json failed: no such file or directory'* ]]
	for fd in $(seq 3 15); do
		run oci exec --cwd "/proc/self/fd/$fd" "$ID" sh -c 'ls -di . /; ls ../../../../..'
		echo "$fd: $output"
		[ "$status" -eq 255 ] || [[ "$output" != *home* && "$output" != *lost+found* ]]
		# The container's own root is the only directory of ours that may be reached.
		[ "$status" -eq 255 ] || [ "$(awk 'NR == 1 { print $1 }' <<<"$output")" = "$(awk 'NR == 2 { print $1 }' <<<"$output")" ]
	done
}

@test "exec into a paused container is refused with 255 unless it is wanted" {
	detached sleep 100
	oci pause "$ID"
	run oci exec "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"cannot exec in a paused container (use --ignore-paused to override)"* ]]
	"$OCI_BIN" --root "$T/state" exec --ignore-paused "$ID" echo later >"$T/later" 3>&- 4>&- &
	child() { [ -n "$(cat "/proc/$!/task/$!/children")" ]; }
	eventually 60 child
	oci resume "$ID"
	wait $!
	[ "$(cat "$T/later")" = later ]
	oci kill "$ID" KILL
	eventually 60 is_stopped
	run oci exec "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"cannot exec in a stopped container"* ]]
}

@test "exec joins the time namespace too" {
	[ -e /proc/self/timens_offsets ] || skip "needs time namespaces"
	config 'c["linux"]["namespaces"].append({"type": "time"})' 'c["linux"]["timeOffsets"] = {"monotonic": {"secs": 7777}}'
	detached sleep 100
	run oci exec "$ID" grep monotonic /proc/self/timens_offsets
	[[ "$output" == *7777* ]]
	pid=$(oci state "$ID" | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')
	[ "$(oci exec "$ID" readlink /proc/self/ns/time)" = "$(readlink "/proc/$pid/ns/time")" ]
}

@test "a terminal is the container's own, with the size asked for, the user's, and lines end in a newline alone" {
	detached sleep 100
	echo '{"terminal": true, "consoleSize": {"height": 13, "width": 17}, "args": ["sh", "-c", "tty; stty size; stat -c %u $(tty)"],
		"cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 1000, "gid": 1000}}' >"$T/process.json"
	run oci exec --process "$T/process.json" "$ID"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = /dev/pts/0 ]
	[ "${lines[1]}" = "13 17" ]
	[ "${lines[2]}" = 1000 ]
}

@test "a terminal from something that is not the container's devpts is refused" {
	config 'c["process"]["terminal"] = True' \
		'c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/dev/pts"]' \
		'c["mounts"].append({"destination": "/dev/pts", "type": "tmpfs", "source": "tmpfs", "options": []})'
	args true
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"no such file or directory"* ]]
	mkdir "$T/pts"
	mknod "$T/pts/ptmx" c 5 2
	config 'c["mounts"][-1] = {"destination": "/dev/pts", "type": "bind", "source": "'"$T/pts"'", "options": ["bind", "dev"]}'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"/dev/pts/ptmx is not the ptmx of a devpts"* ]]
}

@test "descriptors are passed on only when asked for" {
	detached sleep 100
	echo here >"$T/file"
	exec 4<"$T/file" 5</etc/passwd
	run oci exec --preserve-fds 2 "$ID" cat /proc/self/fd/4
	[ "$output" = here ]
	run oci exec "$ID" ls /proc/self/fd
	[[ "$output" != *4* ]]
	exec 4<&- 5<&-
}

@test "nobody inside can look into a process that exec brings in" {
	config 'c["process"]["capabilities"] = {s: ["CAP_DAC_OVERRIDE", "CAP_KILL"] for s in ("bounding", "effective", "permitted")}' \
		'c["root"]["readonly"] = False'
	# Reads whatever of its descriptors, memory map and program it can get of every process that appears.
	detached sh -c 'while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || [ $p = /proc/$$ ] ||
		case $(readlink $p/exe 2>/dev/null) in ""|/bin/busybox) ;; *) readlink $p/exe >>/tmp/seen;; esac; done; done'
	for _ in $(seq 30); do
		oci exec "$ID" true
	done
	[ ! -e "$T/bundle/rootfs/tmp/seen" ]
}

@test "closed standard descriptors become the null device" {
	args sh -c 'readlink /proc/self/fd/0; readlink /proc/self/fd/2'
	"$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID" >"$T/out" <&- 2>&-
	[ "$(sort -u "$T/out")" = /dev/null ]
}
