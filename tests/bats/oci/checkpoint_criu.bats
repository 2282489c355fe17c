#!/usr/bin/env bats
# Containers to files and back, by a real criu.
load common

needs_criu() {
	command -v criu >/dev/null || skip "criu is not installed"
	criu check >/dev/null 2>&1 || skip "criu does not work on this kernel: $(criu check 2>&1 | head -1)"
	[ -e /sys/fs/cgroup/unified ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup hierarchy that is tested"
	exec 7<> <(:) 8<> <(:) # pipes without a name, which pass from the one container to the other
}

counting() {
	args sh -c 'n=0; while read -r line; do n=$((n + 1)); echo "$n $line"; done'
	oci run -d --bundle "$T/bundle" "$ID" <&7 >&8 2>&8 7>&- 8>&-
}

# says WORD: what the container answers.
says() {
	echo "$1" >&7
	read -r -t 10 answer <&8
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
