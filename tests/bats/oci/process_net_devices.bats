#!/usr/bin/env bats
# linux.netDevices: devices of the host become the container's.
load common

host_device() {
	DEV="kt$BATS_TEST_NUMBER$((RANDOM % 1000))"
	ip link add "$DEV" type veth peer name "${DEV}p" || skip "needs veth"
}


eval "$(declare -f teardown | sed '1s/teardown/teardown_container/')"
teardown() {
	for d in "${DEV:-}" "${DEV:+${DEV}p}"; do
		[ -z "$d" ] || ip link del "$d" 2>/dev/null || true
	done
	[ -z "${NETNS:-}" ] || umount "$NETNS" 2>/dev/null || true
	teardown_container
}

@test "a device moves with its address, size and hardware address, under its new name, and is up" {
	host_device
	ip link set "$DEV" address 00:11:22:33:44:55 mtu 1400
	ip addr add 192.0.2.7/24 dev "$DEV"
	ip addr add 2001:db8::7/64 dev "$DEV" nodad
	ip addr add 127.3.3.3/8 scope host dev "$DEV"
	config "c['linux']['netDevices'] = {'$DEV': {'name': 'inside0'}}"
	args sh -c 'ip link show inside0; ip addr show inside0'
	run oci run --bundle "$T/bundle" "$ID"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"inet 192.0.2.7/24"* ]]
	[[ "$output" == *"inet6 2001:db8::7/64"* ]]
	[[ "$output" != *"127.3.3.3"* ]]
	[[ "$output" == *"mtu 1400"* ]]
	[[ "$output" == *"00:11:22:33:44:55"* ]]
	[[ "$output" == *"UP"* ]]
	if ip link show "$DEV" 2>/dev/null; then false; fi
}

@test "a device without a new name keeps its own, in a network namespace that was there before" {
	host_device
	NETNS="$T/netns"
	touch "$NETNS"
	unshare --net="$NETNS" true
	config "c['linux']['netDevices'] = {'$DEV': {}}" \
		"[n.update(path='$NETNS') for n in c['linux']['namespaces'] if n['type'] == 'network']"
	args ip link show "$DEV"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	# It outlives the container there.
	run nsenter --net="$NETNS" ip -o link show "$DEV"
	[ "$status" -eq 0 ]
}

@test "a device that is not there, a name that is taken, a container in the host's namespace" {
	host_device
	args true
	config "c['linux']['netDevices'] = {'nosuchdev': {}}"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"link not found for interface nosuchdev on runtime namespace: no such device"* ]]
	config "c['linux']['netDevices'] = {'$DEV': {'name': 'lo'}}"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"fail to move network device $DEV"* ]]
	ip link show "$DEV"
	config "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'network']"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"unable to move network devices without a NET namespace"* ]]
	ip link show "$DEV"
}
