#!/usr/bin/env bats
# The CNI plugins in network namespaces of their own.

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	make -s -C "$BATS_TEST_DIRNAME/../../.." cni-plugins 2>/dev/null
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	BIN=$ROOT/build/cni
	T=knarr-test-cni-$$
	DATA=$(mktemp -d /tmp/knarr-test-cni.XXXXXX)
	for n in host a b; do ip netns add "$T-$n"; done
	nsenter --net=/run/netns/$T-host sh -c 'ip link set lo up'
	CONF='{"cniVersion":"1.1.0","name":"tnet","type":"bridge","bridge":"kbr0","isDefaultGateway":true,"hairpinMode":true,
	  "ipam":{"type":"host-local","dataDir":"'$DATA'","ranges":[[{"subnet":"10.77.0.0/24"}],[{"subnet":"fd77::/64"}]]}}'
}

teardown() {
	for n in host a b; do ip netns del "$T-$n" 2>/dev/null || true; done
	rm -rf "$DATA"
}

# cni COMMAND PLUGIN POD [CONF]: runs a plugin on the host namespace for the pod's.
cni() {
	printf '%s' "${4-$CONF}" | nsenter --net=/run/netns/$T-host env CNI_COMMAND="$1" CNI_CONTAINERID="id-$3" \
		CNI_NETNS="/run/netns/$T-$3" CNI_IFNAME="${IFNAME:-eth0}" CNI_PATH="$BIN" "$BIN/$2"
}
in_ns() { local n=$1; shift; nsenter --net=/run/netns/$T-$n "$@"; }

@test "two pods on a bridge reach each other and their gateway, IPv4 and IPv6 at once" {
	run cni ADD bridge a
	[ "$status" -eq 0 ]
	in_ns a busybox ping -6 -c1 -W20 fd77::1
	in_ns a busybox ping -c1 -W20 10.77.0.1
	cni ADD bridge b
	in_ns b busybox ping -c1 -W20 10.77.0.2
	in_ns b busybox ping -6 -c1 -W20 fd77::2
	in_ns a ip route show default | grep -q "via 10.77.0.1"
}

@test "DEL gives the address back and may be repeated, with and without the namespace" {
	cni ADD bridge a
	[ -e "$DATA/tnet/10.77.0.2" ]
	cni DEL bridge a
	[ ! -e "$DATA/tnet/10.77.0.2" ]
	run in_ns a ip link show eth0
	[ "$status" -ne 0 ]
	cni DEL bridge a
	cni ADD bridge b
	ip netns del "$T-b"
	cni DEL bridge b
	[ -z "$(find "$DATA/tnet" -name '10.*' -o -name 'fd*')" ]
}

@test "a failing ADD leaves neither link nor address" {
	in_ns host ip link add kbr0 type bridge
	in_ns host ip addr add 10.99.0.1/24 dev kbr0
	run cni ADD bridge a
	[ "$status" -eq 1 ]
	[[ "$output" == *'"code":999'*"different from 10.77.0.1/24"* ]]
	[ -z "$(in_ns host ip -br link show type veth)" ]
	[ -z "$(find "$DATA/tnet" -name '10.*' -o -name 'fd*')" ]
}

@test "a second ADD for the same interface fails and disturbs nothing" {
	cni ADD bridge a
	run cni ADD bridge a
	[ "$status" -eq 1 ]
	in_ns a busybox ping -c1 -W20 10.77.0.1
	[ -e "$DATA/tnet/10.77.0.2" ]
	[ "$(in_ns host ip -br link show type veth | wc -l)" -eq 1 ]
}

@test "twenty concurrent ADDs get twenty addresses" {
	for i in $(seq 20); do ip netns add "$T-p$i"; done
	for i in $(seq 20); do cni ADD bridge "p$i" >"$DATA/out$i" & done
	wait
	n=$(cat "$DATA"/out* | grep -o '10\.77\.0\.[0-9]*/24' | sort -u | wc -l)
	for i in $(seq 20); do ip netns del "$T-p$i"; done
	[ "$n" -eq 20 ]
}

@test "addresses round robin, ranges run dry with the reference's words" {
	local conf='{"cniVersion":"1.0.0","name":"s","type":"x","ipam":{"type":"host-local","dataDir":"'$DATA'","subnet":"10.78.0.0/30"}}'
	run cni ADD host-local a "$conf"
	[[ "$output" == *10.78.0.2/30* ]]
	run cni ADD host-local b "$conf"
	[ "$status" -eq 1 ]
	[[ "$output" == *"no IP addresses available in range set: 10.78.0.1-10.78.0.2"* ]]
	[ "$(od -c "$DATA/s/10.78.0.2" | head -1 | grep -c '\\r')" -eq 1 ]
}

@test "GC frees what is not valid any more" {
	cni ADD bridge a
	cni ADD bridge b
	gc=${CONF%\}},'"cni.dev/valid-attachments":[{"containerID":"id-a","ifname":"eth0"}]}'
	cni GC bridge a "$gc"
	[ -e "$DATA/tnet/10.77.0.2" ]
	[ ! -e "$DATA/tnet/10.77.0.3" ]
}

# refuses CODE MESSAGE CONF [VAR=VALUE...]: what bridge answers, with these variables in place of the usual ones.
refuses() {
	local code=$1 message=$2 conf=$3
	shift 3
	run nsenter "--net=/run/netns/$T-host" env CNI_COMMAND=ADD CNI_CONTAINERID=id "CNI_NETNS=/run/netns/$T-a" CNI_IFNAME=eth0 "CNI_PATH=$BIN" "$@" \
		"$BIN/bridge" <<<"$conf"
	[ "$status" -eq 1 ] && [[ $output == *"\"code\":$code,"*"\"msg\":\"$message"* ]] || { echo "$conf $*: $output"; return 1; }
}

@test "what is wrong is told in the reference's order: variables, names in them, input, network, version, members" {
	refuses 4 "required env variables [CNI_CONTAINERID,CNI_PATH] missing" x CNI_CONTAINERID= CNI_PATH=
	refuses 4 "invalid characters in containerID" x CNI_CONTAINERID=a/b CNI_PATH=
	refuses 4 "interface name is too long" x CNI_IFNAME=abcdefghijklmnop CNI_PATH=
	refuses 6 "error unmarshall network config" x
	refuses 6 "error unmarshall network config" x CNI_COMMAND=FOO
	refuses 6 "error unmarshall network config: name must be a text" '{"name":1}'
	refuses 6 "error unmarshall network config: cniVersion must be a text" '{"name":"n","cniVersion":1}'
	refuses 7 "missing network name" '{"cniVersion":"9"}'
	refuses 7 "invalid characters found in network name" '{"cniVersion":"9","name":"a/b"}'
	refuses 4 "unknown CNI_COMMAND: FOO" '{"cniVersion":"9","name":"n"}' CNI_COMMAND=FOO
	refuses 1 "incompatible CNI versions" '{"cniVersion":"9","name":"n"}'
	refuses 1 "config version does not allow CHECK" '{"cniVersion":"0.2.5","name":"n"}' CNI_COMMAND=CHECK
	refuses 1 "plugin version does not allow CHECK" '{"cniVersion":"9","name":"n"}' CNI_COMMAND=CHECK
	refuses 1 "incompatible CNI versions" '{"cniVersion":"0.5.0","name":"n"}' CNI_COMMAND=CHECK
	refuses 6 "cniVersion" '{"cniVersion":"new","name":"n"}' CNI_COMMAND=CHECK
	refuses 1 "config version does not allow STATUS" '{"cniVersion":"1.0.0","name":"n"}' CNI_COMMAND=STATUS
	refuses 8 "plugin's netns" "$CONF" "CNI_NETNS=/run/netns/$T-host"
	refuses 8 "plugin's netns" "$CONF" "CNI_NETNS=/run/netns/$T-host" CNI_NETNS_OVERRIDE=no
	refuses 999 "failed to load netconf: mtu must be a whole number" "${CONF/'"bridge":'/'"mtu":"1400","bridge":'}"
	run in_ns host ip link show kbr0
	[ "$status" -ne 0 ] # nothing was made
	refuses 999 "failed to load netconf: ipam.routes" "${CONF/'"ranges"'/'"routes":[{"dst":1}],"ranges"'}"
	CONF=${CONF/'"bridge":'/'"MTU":1400,"bridge":'}
	cni ADD bridge a
	in_ns a ip link show eth0 | grep -q "mtu 1400 "
	CONF=${CONF/'"MTU":1400'/'"mtu":"x"'} cni DEL bridge a # whatever the configuration has become
	[ ! -e "$DATA/tnet/10.77.0.2" ]
}

@test "loopback comes up with its addresses" {
	IFNAME=lo run cni ADD loopback a '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}'
	[ "$status" -eq 0 ]
	[[ "$output" == *127.0.0.1/8* ]]
	in_ns a busybox ping -c1 -W20 127.0.0.1
}

@test "time of ADD and DEL (printed)" {
	cni ADD bridge b >/dev/null
	local t0 t1
	t0=$(date +%s%N)
	for _ in $(seq 20); do
		cni ADD bridge a >/dev/null
		ip netns del "$T-a"; ip netns add "$T-a"
		cni DEL bridge a
	done
	t1=$(date +%s%N)
	echo "# 20 rounds of ADD, new namespace, DEL: $(((t1 - t0) / 20000)) us each, nsenter and ip included" >&3
}

@test "the recordings of the reference" {
	run "$ROOT/tests/golden/cni/replay"
	echo "$output" | grep -v '^ok' >&3 || true
	[[ "$output" != *"1..0 # SKIP"* ]] || skip "no recordings"
	[ "$status" -eq 0 ]
}
