#!/usr/bin/env bats
# What the runtime leaves on the host and what of it a container can touch: state directory, cgroups.
load common

@test "the state is the owner's alone, whatever the umask" {
	local mask f
	for mask in 000 022 077; do
		(umask $mask && detached)
		for f in $(find "$T/state" -mindepth 1); do
			[ "$(stat -c %U "$f")" = root ]
			case $(stat -c %a "$f") in *[2367][0-7] | *[0-7][2367]) stat -c '%a %n' "$f" && return 1 ;; esac
		done
		[ "$(stat -c %a "$T/state/$ID")" -le 711 ]
		setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "cat '$T/state/$ID'/*" >"$T/seen" 2>/dev/null || true
		[ ! -s "$T/seen" ]
		oci delete --force "$ID"
	done
}

@test "the umask of the caller is not the container's" {
	args sh -c 'umask; touch /tmp/f; mkdir /tmp/d; stat -c %a /tmp/f /tmp/d; stat -c %a /dev/null /dev'
	config 'c["root"]["readonly"] = False'
	run bash -c "umask 077; '$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' '$ID'"
	[[ "$output" == *$'\n666\n755'* ]]
}

@test "a cgroup path does not lead out of the hierarchy" {
	local p h before after
	before=$(find /sys/fs/cgroup -maxdepth 2 -name 'knarr-escape*' | wc -l)
	for p in "../../../../../..$T/knarr-escape" "$CG/../../../../../..$T/knarr-escape" "/../..$T/knarr-escape" \
		"..$CG"; do
		config "c['linux']['cgroupsPath'] = '$p'"
		args true
		run oci run --bundle "$T/bundle" "$ID"
		[ ! -e "$T/knarr-escape" ]
		for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
			[ -d "$h$T" ] && find "$h$T" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$h/tmp" ] && rmdir "$h/tmp" 2>/dev/null
		done
		[ ! -e "$T/state/$ID" ]
	done
	after=$(find /sys/fs/cgroup -maxdepth 2 -name 'knarr-escape*' | wc -l)
	[ "$before" = "$after" ]
}

@test "exec's cgroup stays below the container's" {
	local p
	detached
	for p in .. ../.. /../../.. x/../../..; do
		run oci exec --cgroup "$p" "$ID" cat /proc/self/cgroup
		echo "$p: $output"
		if [ "$status" -eq 0 ]; then
			[[ "$output" == *"$CG"* || "$output" == *:/$'\n'* ]]
		fi
	done
}

@test "cgroups are not writable from inside" {
	args sh -c 'find /sys/fs/cgroup -name cgroup.procs 2>/dev/null | head -3 | while read -r f; do echo 1 >"$f"; done; mkdir /sys/fs/cgroup/x /sys/fs/cgroup/*/x; mount -o remount,rw /sys/fs/cgroup; echo "end"; ls -d /sys/fs/cgroup/x /sys/fs/cgroup/*/x'
	mkdir -p "$T/bundle/rootfs/bin"
	ln -sf busybox "$T/bundle/rootfs/bin/find"
	ln -sf busybox "$T/bundle/rootfs/bin/head"
	run oci run --bundle "$T/bundle" "$ID"
	echo "$output"
	[[ "$output" == *"end"* ]]
	[[ "${output#*end}" != *"/x"$'\n'* ]]
	[[ "$output" == *[Rr]ead-only* || "$output" == *[Pp]ermission* || "$output" == *"not permitted"* ]]
}

@test "an ordinary user's container gets no writable cgroup of the host" {
	command -v setpriv >/dev/null || skip "needs setpriv"
	[ "$(cat /proc/sys/user/max_user_namespaces)" -gt 0 ] || skip "needs user namespaces"
	local home="$T/user"
	mkdir "$home"
	cp -a "$T/bundle" "$home/bundle"
	ln -sf busybox "$home/bundle/rootfs/bin/find"
	ln -sf busybox "$home/bundle/rootfs/bin/rmdir"
	rm "$home/bundle/config.json"
	chown -R 54321:54321 "$home"
	chmod 711 "$T"
	cp "$OCI_BIN" "$T/knarr-oci"
	chmod 755 "$T/knarr-oci"
	local as="env XDG_RUNTIME_DIR=$home setpriv --reuid 54321 --regid 54321 --clear-groups"
	(cd "$home/bundle" && $as "$T/knarr-oci" spec --rootless)
	python3 - "$home/bundle/config.json" <<'PY'
import json, sys
c = json.load(open(sys.argv[1]))
c["process"]["terminal"] = False
c["process"]["args"] = ["sh", "-c", "for d in $(find /sys/fs/cgroup -type d 2>/dev/null); do mkdir $d/escape 2>/dev/null && { echo WROTE $d; rmdir $d/escape; }; done; echo end"]
json.dump(c, open(sys.argv[1], "w"))
PY
	run $as "$T/knarr-oci" --root "$home/state" run --bundle "$home/bundle" "$ID"
	echo "$output"
	[[ "$output" == *end* ]]
	[[ "$output" != *WROTE* ]]
}
