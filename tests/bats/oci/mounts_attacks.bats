#!/usr/bin/env bats
# What an image or a volume may try against the one who mounts: links, exchanged files, covered kernel files.
load common

inside() {
	args sh -c "$1"
	run oci run --bundle "$T/bundle" "$ID"
}

setup() {
	setup_bundle
	R="$T/bundle/rootfs"
	mkdir "$T/host"
	echo secret >"$T/host/file"
}

teardown() {
	[ -z "${swapper:-}" ] || kill "$swapper" 2>/dev/null || true
	teardown_bundle
}

# Nothing was made, mounted or changed outside the root.
untouched() {
	[ "$(ls -A "$T/host")" = file ]
	[ "$(cat "$T/host/file")" = secret ]
	[ "$(stat -c %a "$T/host/file")" = 644 ]
	if grep -q " $T" /proc/self/mountinfo; then false; fi
}

without_dev() {
	config 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]' 'c["root"]["readonly"] = False'
}

@test "links of every form in destinations end inside the root" {
	ln -s "$T/host" "$R/absolute"
	ln -s "../../../../../../../$T/host" "$R/relative"
	ln -s /absolute "$R/chain"
	ln -s loop "$R/loop"
	for d in absolute/a relative/b chain/c; do
		config "c['mounts'].append(dict(destination='/$d', type='tmpfs', source='tmpfs', options=[]))"
	done
	inside 'grep -c " /tmp/.*/host/[abc] " /proc/self/mountinfo'
	[ "$status" -eq 0 ]
	[[ "$output" == 3 ]]
	[ -d "$R$T/host/a" ]
	untouched
	config "c['mounts'].append(dict(destination='/loop/x', type='tmpfs', source='tmpfs', options=[]))"
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *'/loop/x'*"symbolic links"* ]]
}

@test "a link in a volume that was mounted before leads nowhere else either" {
	mkdir "$T/volume"
	ln -s "$T/host" "$T/volume/link"
	ln -s /../../../.. "$T/volume/up"
	config "c['mounts'].append(dict(destination='/v', type='bind', source='$T/volume', options=['bind']))" \
		"c['mounts'].append(dict(destination='/v/link/x', type='tmpfs', source='tmpfs', options=[]))" \
		"c['mounts'].append(dict(destination='/v/up$T/host/y', type='tmpfs', source='tmpfs', options=[]))"
	inside true
	[ "$status" -eq 0 ]
	untouched
}

@test "nothing covers /proc or hides what is in it" {
	ln -s /proc "$R/link"
	for d in /proc /proc/sys/kernel /proc/self/attr /proc/sys/../self /link/self; do
		config "c['mounts'].append(dict(destination='$d', type='tmpfs', source='tmpfs', options=[]))"
		inside true
		[ "$status" -ne 0 ]
		[[ "$output" == *"cannot be mounted because it is "* ]]
		config "c['mounts'].pop()"
	done
	config "c['mounts'].append(dict(destination='/proc', type='bind', source='$T/host', options=['bind']))"
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *"not of type proc"* ]]
	# What LXCFS does is fine.
	config "c['mounts'].pop()" "c['mounts'].append(dict(destination='/proc/uptime', type='bind', source='$T/host/file', options=['bind']))"
	inside 'cat /proc/uptime'
	[[ "$output" == secret ]]
}

@test "/proc and /sys as links or files are refused" {
	for d in proc sys; do
		rm -rf "${R:?}/$d"
		ln -s /etc "$R/$d"
		inside true
		[[ "$status" -ne 0 && "$output" == *"must be mounted on ordinary directory"* ]]
		rm "$R/$d"
		touch "$R/$d"
		inside true
		[[ "$status" -ne 0 && "$output" == *"must be mounted on ordinary directory"* ]]
		rm "$R/$d"
	done
}

@test "/dev as a link in the image: nodes and links are made inside the root" {
	for target in "$T/host" "../../../../../../..$T/host"; do
		without_dev
		rm -rf "${R:?}/dev" "${R:?}/tmp"
		mkdir -p "$R$T/host"
		ln -s "$target" "$R/dev"
		inside 'ls /dev/'
		[ "$status" -eq 0 ]
		[[ "$output" == *null* && "$output" == *ptmx* && "$output" == *stdin* ]]
		[ -c "$R$T/host/null" ]
		untouched
	done
	# Also with a file system mounted there.
	rm -rf "${R:?}/tmp" "$T/bundle/config.json"
	(cd "$T/bundle" && "$OCI_BIN" spec)
	config 'c["process"]["terminal"] = False' "c['linux']['cgroupsPath'] = '$CG'" 'c["root"]["readonly"] = False'
	inside 'ls /dev/'
	[ "$status" -eq 0 ]
	untouched
}

@test "ptmx of the image is replaced by the container's own" {
	without_dev
	mkdir -p "$R/dev"
	ln -s "$T/host/file" "$R/dev/ptmx"
	inside 'readlink /dev/ptmx'
	[[ "$output" == pts/ptmx ]]
	untouched
}

@test "a null device that is none: masked files are covered by the host's, and the container does not start with it" {
	without_dev
	mkdir -p "$R/dev"
	ln -s /proc/sys/kernel/core_pattern "$R/dev/null"
	before=$(cat /proc/sys/kernel/core_pattern)
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *"/dev/null exists and is not this device"* ]]
	# A /dev of the caller's own is not looked at: the masks do not depend on it.
	mkdir "$T/dev"
	ln -s /proc/sys/kernel/core_pattern "$T/dev/null"
	echo hidden >"$R/masked"
	config "c['mounts'].append(dict(destination='/dev', type='bind', source='$T/dev', options=['bind']))" \
		"c['linux']['maskedPaths'].append('/masked')"
	inside 'stat -c "%F %t %T" /masked; cat /masked'
	[ "$status" -eq 0 ]
	[[ "$output" == "character special file 1 3" ]]
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
}

@test "other files in the place of devices are refused" {
	without_dev
	mkdir -p "$R/dev"
	ln -s "$T/host/file" "$R/dev/zero"
	inside true
	[[ "$status" -ne 0 && "$output" == *"/dev/zero exists and is not this device"* ]]
	rm "$R/dev/zero"
	mknod "$R/dev/zero" c 1 3
	inside true
	[[ "$status" -ne 0 && "$output" == *"/dev/zero exists and is not this device"* ]]
	rm "$R/dev/zero"
	ln -s "$T/host" "$R/out"
	config "c['linux']['devices'] = [dict(path='/out/made', type='c', major=1, minor=3)]"
	inside 'ls /out/'
	[[ "$status" -eq 0 && "$output" == made ]]
	untouched
}

@test "/dev/console as a link or a directory is refused" {
	without_dev
	config "c['mounts'].append(dict(destination='/dev/pts', type='devpts', source='devpts', options=['newinstance', 'ptmxmode=0666']))" \
		'c["process"]["terminal"] = True'
	mkdir -p "$R/dev"
	ln -s /proc/sys/kernel/core_pattern "$R/dev/console"
	inside true
	[[ "$status" -ne 0 && "$output" == *"/dev/console"* ]]
	rm "$R/dev/console"
	mkdir "$R/dev/console"
	inside true
	[[ "$status" -ne 0 && "$output" == *"/dev/console"* ]]
	untouched
}

@test "masked and read-only paths that are links concern only the container" {
	ln -s "$T/host/file" "$R/masked"
	ln -s "$T/host" "$R/ro"
	config "c['linux']['maskedPaths'].append('/masked')" "c['linux']['readonlyPaths'].append('/ro')"
	inside true
	[ "$status" -eq 0 ]
	mkdir -p "$R$T/host"
	echo inner >"$R$T/host/file"
	inside "cat /masked; wc -c <$T/host/file; touch $T/host/x 2>&1"
	[[ "$output" == 0$'\n'*"Read-only file system" ]]
	untouched
}

@test "masked paths: no way back for root of the container, broken lists are named" {
	mkdir "$R/dir"
	touch "$R/dir/file"
	config 'c["linux"]["maskedPaths"] += ["/dir", "/etc/passwd", "/not/there", "/etc/passwd/x"]' \
		"c['process']['capabilities'] = {k: v + ['CAP_SYS_ADMIN'] for k, v in c['process']['capabilities'].items()}" \
		'c["linux"].pop("seccomp", None)'
	inside 'ls /dir | wc -l; touch /dir/x; wc -c </etc/passwd; stat -c %d /dir /proc/acpi /sys/firmware | uniq | wc -l'
	[[ "$output" == 0$'\n'*"Read-only file system"$'\n'0$'\n'1 ]]
	config 'c["linux"]["maskedPaths"] = ["/dir", 1]'
	inside true
	[[ "$status" -ne 0 && "$output" == *mask* ]]
}

@test "a working directory behind a link is made inside" {
	ln -s "$T/host" "$R/cwd"
	config 'c["process"]["cwd"] = "/cwd/new"' 'c["root"]["readonly"] = False'
	inside pwd
	[ "$status" -eq 0 ]
	[[ "$output" == "$T/host/new" ]]
	untouched
}

@test "a directory and a link that change places all the time never lead outside" {
	mkdir -p "$R/vol/a/secret" "$R/vol/dev" "$T/bundle/hook"
	ln -s "../../../../../../../../..$T/host" "$R/vol/b"
	python3 - "$R/vol/a" "$R/vol/b" <<'PY' 3>&- &
import ctypes, sys, time
libc = ctypes.CDLL(None)
a, b = (p.encode() for p in sys.argv[1:])
end = time.time() + 60
while time.time() < end:
    for _ in range(1000):
        libc.renameat2(-100, a, -100, b, 2)
PY
	swapper=$!
	cat >"$T/hook.sh" <<-SH
		#!/bin/sh
		grep " $T/host" /proc/self/mountinfo >>"$T/escaped"
		exit 0
	SH
	chmod 755 "$T/hook.sh"
	config "c['mounts'] += [dict(destination='/vol/a/' + d, type='tmpfs', source='tmpfs', options=[]) for d in ('x', 'y/z', 'new')]" \
		"c['mounts'] += [dict(destination='/vol/a', type='bind', source='$R/etc', options=['bind'])]" \
		"c['mounts'] += [dict(destination='/vol/a/f', type='bind', source='/etc/hostname', options=['bind'])]" \
		"c['linux']['maskedPaths'] += ['/vol/a/secret', '/vol/a/file', '/vol/a']" \
		"c['linux']['readonlyPaths'] += ['/vol/a', '/vol/a/secret']" \
		"c['linux']['devices'] = [dict(path='/vol/a/node%d' % i, type='c', major=1, minor=3) for i in range(4)]" \
		"c['hooks'] = dict(createContainer=[dict(path='$T/hook.sh')])" 'c["root"]["readonly"] = False' \
		'c["process"]["cwd"] = "/vol/a/cwd"'
	args true
	started=0
	for i in $(seq 60); do
		if oci run --bundle "$T/bundle" "$ID-$i" >"$T/out" 2>&1 </dev/null; then started=$((started + 1)); fi
		rm -rf "$R/vol/a/"{x,y,new,f,cwd,node*} "$R/vol/b/"{x,y,new,f,cwd,node*} 2>/dev/null || true
		[ "$(ls -A "$T/host")" = file ]
	done
	kill "$swapper"
	swapper=
	untouched
	[ -e "$T/escaped" ]
	[ ! -s "$T/escaped" ]
	echo "$started of 60 started"
	# Some came through, so the race was really run.
	[ "$started" -gt 0 ]
}
