#!/usr/bin/env bats
# What of the runtime itself a container gets hold of: its binary, its descriptors; and how little memory it needs.
load common

@test "the runtime's binary cannot be written through a waiting container" {
	args sleep 300
	before=$(sha256sum <"$OCI_BIN")
	oci create --bundle "$T/bundle" --pid-file "$T/pid" "$ID" </dev/null >/dev/null 2>&1 3>&-
	run python3 - "$(cat "$T/pid")" <<'PY'
import errno, os, sys, time

def attempt(f, flags):
    # The kernel lets go of a program a moment after its process has none any more: busy is not the answer meant here.
    for _ in range(500):
        try:
            os.open("/proc/self/fd/%d" % f, flags)
            return "opened"
        except OSError as e:
            if e.errno != errno.ETXTBSY:
                return e.errno
        time.sleep(0.01)
    return "busy"

pid = int(sys.argv[1])
fd = os.open("/proc/%d/exe" % pid, os.O_PATH)
read = os.open("/proc/%d/exe" % pid, os.O_RDONLY)
assert os.read(read, 4) == b"\x7fELF"
os.kill(pid, 9)
while os.path.exists("/proc/%d/exe" % pid) and os.access("/proc/%d/exe" % pid, os.R_OK):
    time.sleep(0.01)
for f in (fd, read):
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        print(attempt(f, flags))
PY
	[ "$status" -eq 0 ]
	[ "$(sort -u <<<"$output")" = 30 ] || [ "$(sort -u <<<"$output")" = 1 ]
	[ "$(sha256sum <"$OCI_BIN")" = "$before" ]
}

@test "a container that runs /proc/self/exe as its program gets no writable file" {
	before=$(sha256sum <"$OCI_BIN")
	mkdir -p "$T/bundle/rootfs/attack"
	cat >"$T/bundle/rootfs/attack/watch" <<'S'
#!/bin/sh
n=0
while [ $n -lt 300 ]; do
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in
		*busybox* | "") ;;
		*) (echo overwritten >>"$p/exe") 2>/dev/null && echo "wrote $p" ;;
		esac
	done
	n=$((n + 1))
done
echo done
S
	chmod +x "$T/bundle/rootfs/attack/watch"
	config "c['root']['readonly'] = False" "c['process']['capabilities'] = {k: ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_SYS_ADMIN'] for k in ('bounding', 'effective', 'permitted')}"
	detached /attack/watch
	for _ in $(seq 40); do
		oci exec "$ID" /proc/self/exe --version >/dev/null 2>&1 || true
		oci exec "$ID" true || true
	done
	[ -z "$(grep wrote "$T/out")" ]
	[ "$(sha256sum <"$OCI_BIN")" = "$before" ]
}

@test "no descriptor of the caller reaches the container, run and exec" {
	exec 7</etc/passwd 8</ 9<"$T"
	args sh -c 'ls /proc/$$/fd; true'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "$(tr '\n' ' ' <<<"$output")" = "0 1 2 " ]
	detached
	run oci exec "$ID" sh -c 'ls /proc/$$/fd; true'
	[ "$(tr '\n' ' ' <<<"$output")" = "0 1 2 " ]
	exec 7<&- 8<&- 9<&-
}

@test "--preserve-fds passes so many and no more" {
	args sh -c 'ls /proc/$$/fd; true'
	run bash -c 'exec 3</etc/passwd 4</etc/group 5</; "$@"' - "$OCI_BIN" --root "$T/state" run --preserve-fds 2 --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "$(tr '\n' ' ' <<<"$output")" = "0 1 2 3 4 " ]
	run oci run --preserve-fds 100000 --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[ -z "$(ls -A "$T/state")" ]
}

@test "a waiting process holds nothing of the host but its gate" {
	args sleep 300
	bash -c 'exec 7</etc/passwd 8</; "$@"' - "$OCI_BIN" --root "$T/state" create --bundle "$T/bundle" --pid-file "$T/pid" "$ID" \
		</dev/null >/dev/null 2>&1 3>&-
	run bash -c 'for f in /proc/$1/fd/*; do readlink "$f"; done | grep -v -e /dev/null -e exec.fifo' - "$(cat "$T/pid")"
	[ -z "$output" ]
	[ "$(readlink "/proc/$(cat "$T/pid")/cwd")" = / ]
}

@test "a container starts within a memory limit of 256 KiB" {
	config "c['linux']['resources']['memory'] = {'limit': 262144}"
	args true
	for _ in $(seq 15); do oci run --bundle "$T/bundle" "$ID"; done
	args sleep 300
	oci create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1 3>&-
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 262144 ]
	oci start "$ID"
	[[ "$(oci state "$ID")" == *running* ]]
}
