#!/usr/bin/env bats
# Containers to files and back, by a real criu.
bats_require_minimum_version 1.5.0
load common

# needs_criu [FEATURE]
needs_criu() {
	command -v criu >/dev/null || skip "criu is not installed"
	criu check >/dev/null 2>&1 || skip "criu does not work on this kernel: $(criu check 2>&1 | head -1)"
	[ -e /sys/fs/cgroup/unified ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup hierarchy that is tested"
	[ $# -eq 0 ] || criu check --feature "$1" >/dev/null 2>&1 || skip "this kernel has no $1 for criu"
	exec 7<> <(:) 8<> <(:) # pipes without a name, which pass from the one container to the other
}

counting() {
	args sh -c 'n=0; while read -r line; do n=$((n + 1)); echo "$n $line"; done'
	oci run -d --bundle "$T/bundle" "$ID" <&7 >&8 2>&8 7>&- 8>&-
}

teardown() {
	[ -z "${T:-}" ] || { oci delete --force "$ID"; grep -h Error "$T"/*/*.log || true; }
	[ -z "${ns:-}" ] || umount "$ns"
	teardown_bundle
}

# restored ID [OPTION...]: the container of that id, made from $T/images.
restored() {
	ID=$1
	oci restore -d --bundle "$T/bundle" --image-path "$T/images" "$@" <&7 >&8 2>&8 7>&- 8>&- 9>&-
}

# says WORD: what the container answers.
says() {
	echo "$1" >&7
	read -r -t 60 answer <&8
	echo "$answer"
}

@test "a counter goes on where it was, twice, under another id" {
	needs_criu
	counting
	[ "$(says one)" = "1 one" ]
	for next in a b; do
		oci checkpoint --image-path "$T/images-$next" --work-path "$T/work-$next" "$ID"
		run oci state "$ID"
		[ "$status" -eq 1 ]
		ID=t$next$$
		oci restore -d --bundle "$T/bundle" --image-path "$T/images-$next" --pid-file "$T/pid" "$ID" <&7 >&8 2>&8 7>&- 8>&-
		[ "$(cat "$T/pid")" = "$(oci state "$ID" | jq .pid)" ]
		[ "$(oci state "$ID" | jq -r .status)" = running ]
	done
	[ "$(says two)" = "2 two" ]
	[ "$(oci exec "$ID" sh -c 'echo in')" = in ]
	[ -z "$(grep criu-root /proc/self/mountinfo)" ]
	grep -q "$CG\$" "/proc/$(cat "$T/pid")/cgroup"
}

@test "leave-running leaves it running" {
	needs_criu
	counting
	oci checkpoint --leave-running --image-path "$T/images" "$ID"
	[ "$(oci state "$ID" | jq -r .status)" = running ]
	[ "$(says one)" = "1 one" ]
	[ -e "$T/images/inventory.img" ]
	[ -e "$T/images/dump.log" ]
}

@test "a failing dump tells where the log is" {
	needs_criu
	args sleep 300
	oci run -d --bundle "$T/bundle" "$ID" </dev/null >"$T/file" 2>&1 # a file of the host, which cannot be dumped
	run oci checkpoint --image-path "$T/images" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"criu failed: type DUMP errno"*"log file: $T/images/dump.log"* ]]
	[ "$(oci state "$ID" | jq -r .status)" = running ]
}

@test "what changed after a pre-dump is dumped upon it" {
	needs_criu mem_dirty_track
	counting
	[ "$(says one)" = "1 one" ]
	oci checkpoint --pre-dump --image-path "$T/before" "$ID"
	[ "$(oci state "$ID" | jq -r .status)" = running ]
	[ -e "$T/before/pagemap-1.img" ]
	[ ! -e "$T/before/core-1.img" ]
	[ "$(says two)" = "2 two" ]
	run oci checkpoint --parent-path "$T/before" --image-path "$T/images" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"--parent-path"* ]]
	oci checkpoint --parent-path ../before --image-path "$T/images" "$ID"
	[ "$(readlink "$T/images/parent")" = ../before ]
	restored "t2$$"
	[ "$(says three)" = "3 three" ]
}

@test "pages that are fetched when they are touched" {
	needs_criu uffd-noncoop
	# The size that criu gives its pipe, and cannot do without.
	python3 -S -c 'import fcntl, os; fcntl.fcntl(os.pipe()[0], 1031, 3354624)' 2>/dev/null ||
		skip "pipes cannot be made as large as criu wants them (CAP_SYS_RESOURCE, fs.pipe-max-size)"
	local port=$((RANDOM % 20000 + 20000)) first=$ID
	counting
	[ "$(says one)" = "1 one" ]
	exec 9<> <(:)
	oci checkpoint --lazy-pages --page-server "127.0.0.1:$port" --status-fd 9 --manage-cgroups-mode ignore --work-path "$T/work" \
		--image-path "$T/images" "$ID" >"$T/checkpoint" 2>&1 3>&- 7>&- 8>&- &
	local checkpoint=$!
	[ "$(timeout 60 head -c 1 <&9 | od -An -tx1)" = " 00" ]
	[ -e "$T/images/inventory.img" ]
	[ "$(oci state "$first" | jq -r .status)" = running ]
	criu lazy-pages --page-server --address 127.0.0.1 --port "$port" -D "$T/images" >"$T/pages" 2>&1 3>&- 7>&- 8>&- 9>&- &
	local pages=$!
	eventually 60 test -S "$T/images/lazy-pages.socket"
	sed -i "s,\"$CG\",\"$CG-b\"," "$T/bundle/config.json" # the first one is still there
	restored "t2$$" --lazy-pages --manage-cgroups-mode ignore
	[ "$(says two)" = "2 two" ]
	wait "$checkpoint"
	wait "$pages"
	run oci state "$first"
	[ "$status" -eq 1 ]
	oci delete --force "$ID"
}

@test "file locks, when they are asked for" {
	needs_criu
	# flock(2) as system call 73
	gcc -static -O1 -o "$T/bundle/rootfs/bin/probe" "$BATS_TEST_DIRNAME/probe.c"
	args sh -c 'exec 5>/tmp/lock; probe native 73 5 2; while read -r line; do echo "$line"; done'
	config 'c["root"]["readonly"] = False'
	oci run -d --bundle "$T/bundle" "$ID" <&7 >&8 2>&8 7>&- 8>&-
	read -r -t 60 answer <&8
	[ "$answer" = 0 ]
	run oci checkpoint --image-path "$T/none" "$ID"
	[ "$status" -eq 1 ]
	[ "$(says one)" = one ]
	run ! flock -n "$T/bundle/rootfs/tmp/lock" true
	oci checkpoint --file-locks --image-path "$T/images" "$ID"
	flock -n "$T/bundle/rootfs/tmp/lock" true
	restored "t2$$" --file-locks
	[ "$(says two)" = two ]
	run flock -n "$T/bundle/rootfs/tmp/lock" true
	[ "$status" -eq 1 ]
}

@test "bind mounts come from where the bundle says at the time" {
	needs_criu
	mkdir "$T/a" "$T/b"
	echo a >"$T/a/file"
	echo b >"$T/b/file"
	config "c['mounts'].append({'destination': '/tmp/bound', 'source': '$T/a', 'options': ['bind']})"
	config "c['mounts'].append({'destination': '/etc/bound', 'source': '$T/a/file', 'options': ['bind']})"
	mkdir "$T/bundle/rootfs/tmp/bound"
	counting
	[ "$(says one)" = "1 one" ]
	oci checkpoint --image-path "$T/images" "$ID"
	sed -i "s,$T/a,$T/b,g" "$T/bundle/config.json"
	restored "t2$$"
	[ "$(says two)" = "2 two" ]
	[ "$(oci exec "$ID" cat /tmp/bound/file /etc/bound | tr '\n' ' ')" = "b b " ]
}

# A network namespace bound to the file.
new_netns() {
	ns=$1
	touch "$ns"
	unshare --net="$ns" ip link set lo up
}

@test "connections live on in the network namespace that is given" {
	needs_criu
	new_netns "$T/netns"
	config "next(n for n in c['linux']['namespaces'] if n['type'] == 'network')['path'] = '$ns'"
	args sh -c 'nc -l -p 7000 -e cat & until nc 127.0.0.1 7000 2>/dev/null; do :; done'
	oci run -d --bundle "$T/bundle" "$ID" <&7 >&8 2>&8 7>&- 8>&-
	[ "$(says one)" = one ]
	run oci checkpoint --image-path "$T/none" "$ID"
	[ "$status" -eq 1 ]
	[ "$(says two)" = two ]
	oci checkpoint --tcp-established --image-path "$T/images" "$ID"
	umount "$ns"
	new_netns "$ns" # the other one is locked for good
	restored "t2$$" --tcp-established
	[ "$(says three)" = three ]
	[ "$(readlink "/proc/$(oci state "$ID" | jq .pid)/ns/net")" = "net:[$(stat -L -c %i "$ns")]" ]
}
