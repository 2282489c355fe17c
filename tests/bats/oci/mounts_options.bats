#!/usr/bin/env bats
# Mounts of every type with every kind of option.
bats_require_minimum_version 1.5.0
load common

inside() {
	args sh -c "$1"
	run oci run --bundle "$T/bundle" "$ID"
}

# Adds a mount: destination type source option...
add_mount() {
	config "$(python3 - "$@" <<'PY'
import sys
d, t, s, *o = sys.argv[1:]
print("c['mounts'].append(%r)" % dict(destination=d, type=t, source=s, options=o))
PY
	)"
}

# The options of the mount at $1 in the container, from mountinfo.
show() {
	echo "while read -r a b c d at opts rest; do if [ \"\$at\" = $1 ]; then echo \"\$opts \$rest\"; fi; done </proc/self/mountinfo"
}

teardown() {
	grep -q " $T/host " /proc/self/mountinfo && umount "$T/host"
	teardown_bundle
}

# A tmpfs of the host with the given flags at $T/host.
host_mount() {
	mkdir -p "$T/host"
	mount -t tmpfs -o strictatime tmpfs "$T/host"
	touch "$T/host/file"
	mount --bind -o "remount,$1" "$T/host"
}

@test "every plain attribute of a new mount" {
	add_mount /mnt tmpfs tmpfs ro nosuid nodev noexec nosymfollow noatime nodiratime size=64k
	inside "$(show /mnt)"
	[ "$status" -eq 0 ]
	[[ "$output" == "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow "*"size=64k"* ]]
}

@test "defaults and strictatime; options that clear what came before" {
	add_mount /mnt tmpfs tmpfs defaults ro nosuid nodev noexec rw suid dev exec strictatime
	inside "$(show /mnt)"
	[[ "$output" == "rw "* ]]
}

@test "an option that nobody knows goes to the file system and is refused there" {
	add_mount /mnt tmpfs tmpfs colour=blue
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *'error mounting \"tmpfs\" to rootfs at \"/mnt\"'*'colour=blue'* ]]
}

@test "a bind mount cannot have options of a file system" {
	add_mount /mnt bind /tmp bind size=64k
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *"bind mounts cannot have any filesystem-specific options applied"* ]]
}

@test "a bind without options keeps the flags, with one it has exactly those that were asked for" {
	host_mount ro,nosuid,noexec,noatime
	add_mount /a bind "$T/host" bind
	add_mount /b bind "$T/host" rbind dev
	add_mount /c bind "$T/host" rbind nodev relatime
	inside "$(show /a); $(show /b); $(show /c)"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "ro,nosuid,noexec,noatime "* ]]
	[[ "${lines[1]}" == "rw,noatime "* ]]
	[[ "${lines[2]}" == "rw,nodev,relatime "* ]]
}

@test "recursive attributes reach what is mounted below, plain ones do not" {
	mkdir -p "$T/host"
	mount -t tmpfs tmpfs "$T/host"
	mkdir "$T/host/sub"
	mount -t tmpfs tmpfs "$T/host/sub"
	add_mount /plain bind "$T/host" rbind ro noexec
	add_mount /rec bind "$T/host" rbind rro rnoexec rnosuid rnodev rnoatime rnosymfollow
	add_mount /flat bind "$T/host" bind
	inside "touch /plain/x /plain/sub/x /rec/x /rec/sub/x; $(show /plain/sub); $(show /rec/sub); ls /flat/sub | wc -l"
	umount "$T/host/sub"
	[[ "$output" == *"/plain/x: Read-only file system"* ]]
	[[ "$output" != *"/plain/sub/x:"* ]]
	[[ "$output" == *"/rec/sub/x: Read-only file system"* ]]
	[[ "$output" == *$'\nrw,relatime '*$'\nro,nosuid,nodev,noexec,noatime,nosymfollow '* ]]
	[[ "${lines[-1]}" == 0 ]]
}

@test "propagation of each kind" {
	for kind in private shared slave unbindable; do add_mount /$kind tmpfs tmpfs $kind; done
	add_mount /r bind /tmp rbind rshared
	inside "$(show /private); $(show /shared); $(show /slave); $(show /unbindable); $(show /r)"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == *"relatime - tmpfs"* ]]
	[[ "${lines[1]}" == *" shared:"* ]]
	[[ "${lines[3]}" == *" unbindable "* ]]
	[[ "${lines[4]}" == *" shared:"* ]]
}

@test "rootfsPropagation is what the container's root has; an unknown one is refused" {
	for kind in private slave shared unbindable; do
		config "c['linux']['rootfsPropagation'] = '$kind'"
		inside "$(show /)"
		[ "$status" -eq 0 ]
		case $kind in
		shared) [[ "$output" == *" shared:"* ]] ;;
		unbindable) [[ "$output" == *" unbindable "* ]] ;;
		private) [[ "$output" != *shared:* ]] ;;
		esac
	done
	config "c['linux']['rootfsPropagation'] = 'sideways'"
	inside true
	[ "$status" -ne 0 ]
	# The host's own propagation did not change.
	run ! grep " $T" /proc/self/mountinfo
}

@test "missing destinations are made by the kind of the source, with the umask left out" {
	echo text >"$T/file"
	mkdir "$T/dir"
	umask 077
	add_mount /new/deep/file bind "$T/file" bind
	add_mount /new/deep/dir bind "$T/dir" bind
	inside 'cat /new/deep/file; stat -c %F /new/deep/dir'
	[[ "$output" == text$'\n'directory ]]
	[ -f "$T/bundle/rootfs/new/deep/file" ]
	[ "$(stat -c %F "$T/bundle/rootfs/new/deep/dir")" = directory ]
}

@test "a file over a directory and a directory over a file are refused by name" {
	add_mount /bin bind /etc/passwd bind
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *'error mounting \"/etc/passwd\" to rootfs at \"/bin\"'* ]]
}

@test "a missing source is an error that names it" {
	add_mount /mnt bind "$T/nowhere" bind
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *"$T/nowhere"*"o such file or directory"* ]]
}

@test "relative sources start at the bundle, relative destinations at the root, the root's own path is taken off" {
	echo text >"$T/bundle/file"
	add_mount etc/a none file bind
	add_mount "$T/bundle/rootfs/etc/b" none ./file bind
	inside 'cat /etc/a /etc/b'
	[[ "$output" == text$'\n'text ]]
}

@test "tmpfs takes the mode of the directory it covers, one that is made for it has tmpfs' own" {
	mkdir -m 0710 "$T/bundle/rootfs/has"
	add_mount /has tmpfs tmpfs
	add_mount /has2 tmpfs tmpfs mode=1500
	add_mount /new tmpfs tmpfs
	inside 'stat -c %a /has /has2 /new'
	[[ "$output" == 710$'\n'1500$'\n'1777 ]]
}

@test "tmpcopyup keeps content, owners and modes, also in a read-only tmpfs" {
	mkdir -p "$T/bundle/rootfs/data/sub"
	echo text >"$T/bundle/rootfs/data/sub/file"
	chown 5:6 "$T/bundle/rootfs/data/sub/file"
	chmod 4744 "$T/bundle/rootfs/data/sub/file"
	ln -s /etc/passwd "$T/bundle/rootfs/data/link"
	add_mount /data tmpfs tmpfs tmpcopyup ro
	inside 'cat /data/sub/file; stat -c "%u %g %a" /data/sub/file; readlink /data/link; touch /data/x'
	[[ "$output" == text$'\n'"5 6 4744"$'\n'/etc/passwd$'\n'*"Read-only file system"* ]]
}

@test "mqueue, devpts, sysfs and proc with their data" {
	config 'c["mounts"] = [m for m in c["mounts"] if m["destination"] in ("/proc", "/dev", "/sys")]' \
		"c['linux']['maskedPaths'] = []; c['linux']['readonlyPaths'] = []"
	add_mount /dev/pts devpts devpts newinstance ptmxmode=0644 mode=0600 nosuid noexec
	add_mount /dev/mqueue mqueue mqueue nosuid noexec nodev
	add_mount /other/proc proc proc hidepid=2
	inside "$(show /dev/pts); $(show /dev/mqueue); $(show /other/proc); stat -c %a /dev/pts/ptmx; $(show /sys)"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "rw,nosuid,noexec,relatime - devpts devpts rw,mode=600,ptmxmode=644"* ]]
	[[ "${lines[1]}" == "rw,nosuid,nodev,noexec,relatime - mqueue"* ]]
	[[ "${lines[2]}" == *"hidepid="* ]]
	[[ "${lines[3]}" == 644 ]]
	[[ "${lines[4]}" == "ro,nosuid,nodev,noexec,relatime - sysfs"* ]]
}

@test "remount changes what an earlier mount made" {
	add_mount /mnt tmpfs tmpfs nosuid size=64k
	add_mount /mnt tmpfs tmpfs remount ro noexec size=128k
	inside "$(show /mnt)"
	[ "$status" -eq 0 ]
	[[ "$output" == "ro,noexec,"*"size=128k"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "a mount on the root itself covers it for everything that follows" {
	mkdir "$T/other"
	cp -a "$T/bundle/rootfs/bin" "$T/other/"
	touch "$T/other/marker"
	config "c['mounts'].insert(0, dict(destination='/', type='bind', source='$T/other', options=['rbind']))"
	inside 'ls /marker; test -e /etc/passwd || echo covered; ls -d /proc/self/fd /dev/null'
	[[ "$output" == /marker$'\n'covered$'\n'* ]]
	[ "$status" -eq 0 ]
}

@test "links at either end: followed, kept as the place, or made again" {
	echo text >"$T/file"
	ln -s file "$T/link"
	ln -s /etc/target "$T/bundle/rootfs/dest"
	add_mount /followed bind "$T/link" bind
	add_mount /dest bind "$T/link" bind
	add_mount /copied bind "$T/link" bind copy-symlink
	inside 'cat /followed /etc/target; readlink /copied'
	[[ "$output" == text$'\n'text$'\n'file ]]
}

@test "the root may be given through a link" {
	mv "$T/bundle/rootfs" "$T/real"
	ln -s "$T/real" "$T/bundle/rootfs"
	inside 'echo here'
	mv "$T/real" "$T/real2"
	[[ "$output" == here ]]
}

@test "a mount label without SELinux changes nothing" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is here"
	config "c['linux']['mountLabel'] = 'system_u:object_r:container_file_t:s0:c344,c805'"
	inside 'echo here'
	[[ "$output" == here ]]
}

@test "overlay with directories whose names are longer than one option value" {
	long="$T/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..100})"
	mkdir -p "$long/lower" "$long/upper" "$long/work"
	touch "$long/lower/marker"
	add_mount /mnt overlay overlay "lowerdir=$long/lower:$T/bundle/rootfs/etc" nosuid nodev
	inside "ls /mnt/marker; $(show /mnt)"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == /mnt/marker ]]
	[[ "${lines[1]}" == *nosuid,nodev* ]]
}

@test "no mount namespace: the host's own, its propagation untouched, restricted paths refused" {
	config "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'mount']"
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *"unable to restrict sys entries without a private MNT namespace"* ]]
	config "c['linux']['maskedPaths'] = []; c['linux']['readonlyPaths'] = []" "c['root']['readonly'] = False" "c['mounts'] = []"
	args sh -c 'echo here; pwd'
	# In a namespace of the test's own, so that nothing is left.
	run unshare -m --propagation unchanged bash -c "before=\$(awk '\$5 == \"/\"' /proc/self/mountinfo)
		'$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' $ID
		[ \"\$before\" = \"\$(awk '\$5 == \"/\"' /proc/self/mountinfo)\" ] && echo unchanged; umount -R -l '$T/bundle/rootfs'"
	[[ "$output" == here$'\n'/$'\n'unchanged ]]
}

@test "no-pivot: the host's whole proc is not left behind" {
	config "c['process']['capabilities'] = {k: v + ['CAP_SETFCAP'] for k, v in c['process']['capabilities'].items()}" \
		"c['process']['noNewPrivileges'] = False"
	args unshare -mrpf sh -c 'mount -t proc none /proc && echo bare'
	run oci run --no-pivot --bundle "$T/bundle" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" != *bare* ]]
	[[ "$output" == *"mount:"* ]]
}
