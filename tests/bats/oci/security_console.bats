#!/usr/bin/env bats
# Terminals: the console comes from the container's own devpts and lands on nothing that the image prepared.
load common

# receive PROGRAM...: runs the container with a console socket; prints where the terminal that arrives belongs.
receive() {
	args "$@"
	config 'c["process"]["terminal"] = True'
	python3 - "$OCI_BIN" "$T" "$ID" <<'PY'
import array, fcntl, os, socket, struct, subprocess, sys
oci, t, ident = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(t + "/console.sock")
s.listen(1)
s.settimeout(60)
p = subprocess.Popen([oci, "--root", t + "/state", "run", "-d", "--console-socket", t + "/console.sock", "--bundle", t + "/bundle", ident],
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
import select
if not select.select([s, p.stdout], [], [], 60)[0] or not select.select([s], [], [], 0.5)[0]:
    print("no console:", p.communicate(timeout=60)[0].decode(), "status", p.returncode)
    sys.exit(0)
c, _ = s.accept()
text, extra, _, _ = c.recvmsg(4096, socket.CMSG_LEN(4))
if not extra:
    print("no console:", p.communicate(timeout=60)[0].decode(), "status", p.returncode)
    sys.exit(0)
fds = array.array("i")
fds.frombytes(extra[0][2][:4])
st = os.fstat(fds[0])
host = os.stat("/dev/pts/ptmx")
print("tty" if os.isatty(fds[0]) else "NOT A TTY", "major", os.major(st.st_rdev), "minor", os.minor(st.st_rdev))
print("HOST DEVPTS" if st.st_dev == host.st_dev else "own devpts")
p.wait(60)
out = b""
import time
end = time.time() + 60
while time.time() < end and b"done" not in out:
    if select.select([fds[0]], [], [], 0.2)[0]:
        try:
            out += os.read(fds[0], 4096)
        except OSError:
            break
print("output:", out.decode(errors="replace"))
PY
}

@test "the terminal belongs to the container's devpts" {
	run receive sh -c 'tty; readlink /proc/self/fd/0; echo done; sleep 1'
	[[ "$output" == *"own devpts"* ]]
	[[ "$output" == *"tty major 5 minor 2"* ]]
	[[ "$output" == *"/dev/pts/0"* ]]
}

@test "an image's /dev/ptmx, /dev/console and /dev/pts are not believed" {
	local dev="$T/bundle/rootfs/dev"
	config 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]' 'c["root"]["readonly"] = False'
	mkdir -p "$T/outside"
	echo kept >"$T/outside/file"
	mkdir -p "$dev"
	ln -s "../../../../../../../..$T/outside/file" "$dev/console"
	ln -s "../../../../../../../../dev/ptmx" "$dev/ptmx"
	ln -s "../../../../../../../../dev/pts" "$dev/pts"
	run receive sh -c 'echo done; sleep 1'
	echo "$output"
	[[ "$output" != *"HOST DEVPTS"* ]]
	[ "$(cat "$T/outside/file")" = kept ]
	[ "$(stat -c %F "$T/outside/file")" = "regular file" ]
	[ "$(ls "$T/outside")" = file ]
}

@test "no terminal from a file that the image calls ptmx" {
	local dev="$T/bundle/rootfs/dev"
	config 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]' 'c["root"]["readonly"] = False'
	mkdir -p "$dev/pts"
	touch "$dev/ptmx" "$dev/pts/ptmx" "$dev/console"
	run receive sh -c 'echo done; sleep 1'
	echo "$output"
	[[ "$output" == *"no console"* ]]
	[[ "$output" != *"NOT A TTY"* ]]
}
