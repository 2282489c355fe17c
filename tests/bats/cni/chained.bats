#!/usr/bin/env bats
# The plugins behind bridge, and the other ways to attach a container, in network namespaces of their own.

load ../../lib/host

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	make -s -C "$BATS_TEST_DIRNAME/../../.." cni-plugins 2>/dev/null
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	BIN=$ROOT/build/cni
	T=knarr-test-chained-$$
	DATA=$(mktemp -d /tmp/knarr-test-chained.XXXXXX)
	for n in host a b out; do ip netns add "$T-$n"; done
	in_ns host ip link set lo up
	IPAM='"ipam":{"type":"host-local","dataDir":"'$DATA'","ranges":[[{"subnet":"10.77.0.0/24"}],[{"subnet":"fd77::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}'
	BRIDGE='{"cniVersion":"1.1.0","name":"tnet","type":"bridge","bridge":"kbr0","isGateway":true,"hairpinMode":true'
}

teardown() {
	# A forking socat leaves those behind that still serve somebody.
	[ -z "${SERVER:-}" ] || kill "$SERVER" $(cat "/proc/$SERVER/task/$SERVER/children" 2>/dev/null) 2>/dev/null
	for n in host a b c out lost; do ip netns del "$T-$n" 2>/dev/null || true; done
	rm -rf "$DATA"
}

# cni COMMAND PLUGIN POD CONF: runs a plugin on the host namespace for the pod's.
cni() {
	printf '%s' "$4" | in_ns host env CNI_COMMAND="$1" CNI_CONTAINERID="id-$3" CNI_NETNS="${NETNS-/run/netns/$T-$3}" \
		CNI_IFNAME="${IFNAME:-eth0}" CNI_PATH="$BIN" CNI_ARGS="${ARGS:-}" "$BIN/$2"
}
in_ns() { local n=$1; shift; nsenter --net=/run/netns/$T-$n "$@"; }
rules() { in_ns host nft list ruleset; }
# outside: a host beside the node, 192.0.2.1 and .2, with no way back to the containers.
outside() {
	in_ns host ip link add up0 type veth peer name eth0 netns "$T-out"
	in_ns host ip addr add 192.0.2.1/24 dev up0
	in_ns host ip addr add 2001:db8::1/64 dev up0 nodad
	in_ns host ip link set up0 up
	in_ns out ip addr add 192.0.2.2/24 dev eth0
	in_ns out ip addr add 2001:db8::2/64 dev eth0 nodad
	in_ns out ip link set eth0 up
	in_ns out ip link set lo up
}
# serve POD PORT TEXT: answers connections, over IPv4 and IPv6. (A function in the background would hide the pid.)
serve() {
	nsenter "--net=/run/netns/$T-$1" socat "TCP6-LISTEN:$2,fork,reuseaddr,ipv6only=0" "SYSTEM:printf $3; echo \$SOCAT_PEERADDR" 3>&- 4>&- &
	SERVER=$!
	eventually 60 listens "$1" "$2"
}
listens() { in_ns "$1" ss -ltn | grep -q ":$2 "; } # POD PORT
ask() { in_ns "$1" timeout 30 socat -t 20 - "$2" </dev/null; }

@test "ipMasq: what leaves the subnet has the node's address, what stays has its own" {
	outside
	cni ADD bridge a "$BRIDGE,\"ipMasq\":true,$IPAM}"
	cni ADD bridge b "$BRIDGE,\"ipMasq\":true,$IPAM}"
	serve out 80 out
	[[ "$(ask a TCP:192.0.2.2:80)" == out*c000:0201* ]] # 192.0.2.1
	[[ "$(ask a TCP6:[2001:db8::2]:80)" == *2001:0db8:0000:0000:0000:0000:0000:0001* ]]
	kill "$SERVER"
	serve b 80 b
	[[ "$(ask a TCP:10.77.0.3:80)" == b*0a4d:0002* ]]
	cni DEL bridge a "$BRIDGE,\"ipMasq\":true,$IPAM}"
	cni DEL bridge b "$BRIDGE,\"ipMasq\":true,$IPAM}"
	! rules | grep -q comment
}

@test "macspoofchk: frames with another source address do not pass" {
	cni ADD bridge a "$BRIDGE,\"macspoofchk\":true,$IPAM}"
	in_ns a busybox ping -c1 -W20 10.77.0.1
	in_ns a ip link set eth0 address 02:00:00:00:00:77
	run in_ns a busybox ping -c1 -W1 10.77.0.1
	[ "$status" -ne 0 ]
	NETNS= cni DEL bridge a "$BRIDGE,\"macspoofchk\":true,$IPAM}"
	! rules | grep -q comment
}

@test "portmap: from outside, the node, its loopback and the container itself; GC and DEL take away what is theirs" {
	outside
	local prev maps pm gc
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	maps='"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":8081,"containerPort":80,"protocol":"tcp","hostIP":"192.0.2.1"}]}'
	pm='{"cniVersion":"1.1.0","name":"tnet","type":"portmap",'$maps',"prevResult":'$prev'}'
	cni ADD portmap a "$pm"
	serve a 80 a
	[[ "$(ask out TCP:192.0.2.1:8080)" == a*c000:0202* ]]
	[[ "$(ask out TCP6:[2001:db8::1]:8080)" == a* ]]
	[[ "$(ask out TCP:192.0.2.1:8081)" == a* ]]
	[[ "$(ask host TCP:127.0.0.1:8080)" == a* ]]
	[[ "$(ask host TCP:10.77.0.1:8080)" == a* ]]
	[[ "$(ask a TCP:10.77.0.1:8080)" == a* ]]
	run ask host TCP:127.0.0.1:8081
	[ "$status" -ne 0 ]
	cni CHECK portmap a "$pm"
	in_ns host nft flush map ip knarr_cni hostip_ports
	run cni CHECK portmap a "$pm"
	[ "$status" -eq 1 ]
	cni ADD portmap b "${pm/8080/9090}"
	gc='{"cniVersion":"1.1.0","name":"tnet","type":"portmap","cni.dev/valid-attachments":[{"containerID":"id-b","ifname":"eth0"}]}'
	cni GC portmap x "$gc"
	! rules | grep -q "id-a/"
	rules | grep -q "9090.*id-b/"
	cni DEL portmap b '{"cniVersion":"1.1.0","name":"tnet","type":"portmap"}'
	! rules | grep -q comment
}

@test "portmap: a second container takes the port, the first one's DEL leaves it there" {
	local pm='{"cniVersion":"1.1.0","name":"tnet","type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]},"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.77.0.5/24"}]}}'
	cni ADD portmap a "$pm"
	cni ADD portmap b "${pm/77.0.5/77.0.6}"
	rules | grep -q 'tcp . 8080 comment "tnet/id-b/eth0" : 10.77.0.6 . 80'
	cni DEL portmap a "$pm"
	rules | grep -q 'tcp . 8080 comment "tnet/id-b/eth0" : 10.77.0.6 . 80'
}

@test "portmap: conditions in the words of the backend that is asked for" {
	local pm='{"cniVersion":"1.1.0","name":"tnet","type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]},"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.77.0.5/24"}]}}'
	cni ADD portmap a "${pm/'"type"'/'"conditionsV4":["!","-d","192.0.2.0/24"],"backend":"iptables","type"'}"
	cni ADD portmap a "${pm/'"type"'/'"conditionsV4":["ip","daddr","!=","192.0.2.0/24"],"backend":"nftables","type"'}"
	run cni ADD portmap a "${pm/'"type"'/'"conditionsV4":["-d","192.0.2.0/24"],"backend":"nftables","type"'}"
	[[ "$status" -eq 1 && "$output" == *"nftables backend was requested but configuration contains iptables-specific options [conditionsV4]"* ]]
	run cni ADD portmap a "${pm/'"type"'/'"backend":"pf","type"'}"
	[[ "$status" -eq 1 && "$output" == *'unrecognized backend \"pf\"'* ]]
	run cni ADD portmap a "${pm/'"type"'/'"conditionsV4":["-m","time"],"type"'}"
	[[ "$status" -eq 1 && "$output" == *'conditionsV4: cannot say \"-m ...\" in nf_tables'* ]]
	cni DEL portmap a "$pm"
	! rules | grep -q comment
}

@test "foreign tables stay as they are, a table that is gone is made again" {
	in_ns host nft 'add table ip other; add chain ip other c; add rule ip other c counter accept'
	cni ADD bridge a "$BRIDGE,\"ipMasq\":true,$IPAM}"
	in_ns host nft delete table ip knarr_cni
	cni ADD bridge b "$BRIDGE,\"ipMasq\":true,$IPAM}"
	rules | grep -q '10.77.0.3 comment "tnet/id-b/eth0"'
	cni DEL bridge a "$BRIDGE,\"ipMasq\":true,$IPAM}"
	in_ns host nft list table ip other | grep -q "counter packets"
}

@test "ptp: routed, masqueraded, checked, taken away" {
	outside
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"ptp","ipMasq":true,"mtu":1400,'$IPAM prev
	prev=$(cni ADD ptp a "$conf}")
	[ "$(in_ns a cat /sys/class/net/eth0/mtu)" = 1400 ]
	in_ns a busybox ping -c1 -W20 192.0.2.2
	in_ns a busybox ping -6 -c1 -W20 2001:db8::2
	cni CHECK ptp a "$conf,\"prevResult\":$prev}"
	in_ns a ip route del default
	run cni CHECK ptp a "$conf,\"prevResult\":$prev}"
	[ "$status" -eq 1 ]
	cni DEL ptp a "$conf}"
	cni DEL ptp a "$conf}"
	[ -z "$(in_ns host ip route show | grep 10.77)" ]
	! rules | grep -q comment
}

@test "macvlan: an address of one's own on the node's link" {
	outside
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"macvlan","master":"up0","mode":"bridge","mac":"02:00:00:00:00:42","ipam":{"type":"static"'
	ARGS="IP=192.0.2.9/24;GATEWAY=192.0.2.2" run cni ADD macvlan a "$conf}}"
	[ "$status" -eq 0 ]
	[[ "$output" == *02:00:00:00:00:42*192.0.2.9/24*192.0.2.2* ]]
	in_ns a busybox ping -c1 -W20 192.0.2.2
	run cni ADD macvlan b "${conf/bridge/bogus}}}"
	[[ "$output" == *'unknown macvlan mode: \"bogus\"'* ]]
	cni DEL macvlan a "$conf}}"
	cni DEL macvlan a "$conf}}"
	run in_ns a ip link show eth0
	[ "$status" -ne 0 ]
}

@test "vlan: what is asked for is looked at before anything is made" {
	outside
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"vlan","master":"up0","vlanId":5,"ipam":{"type":"static","addresses":[{"address":"192.0.2.9/24"}]}}' id
	for id in 4095 -1; do
		run cni ADD vlan a "${conf/:5/:$id}"
		[[ "$status" -eq 1 && "$output" == *"invalid VLAN ID $id (must be between 0 and 4095 inclusive)"* ]]
	done
	run cni ADD vlan a "${conf/\"master\":\"up0\",/}"
	[[ "$status" -eq 1 && "$output" == *'\"master\" field is required. It specifies the host interface name to create the VLAN for'* ]]
	run cni ADD vlan a "${conf/up0/up9}"
	[[ "$status" -eq 1 && "$output" == *'failed to lookup master \"up9\"'* ]]
	run cni ADD vlan a "${conf/\"vlanId\"/\"mtu\":9000,\"vlanId\"}"
	[[ "$status" -eq 1 && "$output" == *'invalid MTU 9000, must be [0, master MTU(1500)]'* ]]
	run in_ns a ip link show eth0
	[ "$status" -ne 0 ]
}

@test "macvlan: CHECK wants the mode and the master" {
	outside
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"macvlan","master":"up0","mode":"private","ipam":{"type":"static","addresses":[{"address":"192.0.2.9/24"}]}' prev
	prev=$(cni ADD macvlan a "$conf}")
	cni CHECK macvlan a "$conf,\"prevResult\":$prev}"
	run cni CHECK macvlan a "${conf/private/vepa},\"prevResult\":$prev}"
	[[ "$status" -eq 1 && "$output" == *"container macvlan mode private does not match expected value: vepa"* ]]
	run cni CHECK macvlan a "${conf/up0/up9},\"prevResult\":$prev}"
	[[ "$status" -eq 1 && "$output" == *'failed to lookup master \"up9\"'* ]]
	cni DEL macvlan a "$conf}"
}

@test "ipvlan: chained, it sits on the one interface of the plugin before it" {
	outside
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"ipvlan","prevResult":{"interfaces":[{"name":"up0"}],"ips":[{"address":"192.0.2.10/24"}]}}'
	in_ns host ip link add link up0 name probe type ipvlan 2>/dev/null || skip "the kernel has no ipvlan"
	in_ns host ip link del probe
	[[ "$(cni ADD ipvlan a "$conf")" == *192.0.2.10/24* ]]
	in_ns a busybox ping -c1 -W2 192.0.2.2
	cni DEL ipvlan a "$conf"
	run cni ADD ipvlan a "${conf/'{"name":"up0"}'/'{"name":"up0"},{"name":"x"}'}"
	[[ "$status" -eq 1 && "$output" == *"PrevResult lacks a single named interface"* ]]
}

@test "host-device: lent by name or address, configured, checked, brought back under its own name" {
	local conf='{"cniVersion":"1.1.0","name":"tnet","type":"host-device","device":"dev0","ipam":{"type":"static","addresses":[{"address":"192.0.2.9/24"}]}' prev
	in_ns host ip link add dev0 address 02:00:00:00:00:44 type veth peer name eth0 netns "$T-out"
	in_ns out ip addr add 192.0.2.2/24 dev eth0
	in_ns out ip link set eth0 up
	prev=$(cni ADD host-device a "$conf}")
	[[ "$prev" == *'"name":"eth0","mac":"02:00:00:00:00:44","sandbox"'*192.0.2.9/24* ]]
	in_ns a busybox ping -c1 -W2 192.0.2.2
	run in_ns host ip link show dev0
	[ "$status" -ne 0 ]
	cni CHECK host-device a "$conf,\"prevResult\":$prev}"
	cni DEL host-device a "$conf}"
	cni DEL host-device a "$conf}"
	in_ns host ip link show dev0
	prev=$(cni ADD host-device a "${conf/'"device":"dev0","ipam":{"type":"static","addresses":[{"address":"192.0.2.9/24"}]}'/'"hwaddr":"02:00:00:00:00:44"'}}")
	[[ "$prev" == *'"name":"eth0"'* && "$prev" != *ips* ]]
	run cni ADD host-device b "${conf/dev0/dev9}}"
	[[ "$status" -eq 1 && "$output" == *"failed to find host device"* ]]
	cni DEL host-device a "$conf}"
	in_ns b ip link add eth0 type bridge
	run cni ADD host-device b "$conf}"
	[[ "$status" -eq 1 && "$output" == *'to \"eth0\": file exists'* ]]
	run cni ADD host-device a "${conf/static/nosuch}}"
	[[ "$status" -eq 1 && "$output" == *'failed to find plugin \"nosuch\"'* ]]
	in_ns host ip link show dev0
	run cni ADD host-device a '{"cniVersion":"1.1.0","name":"tnet","type":"host-device"}'
	[[ "$status" -eq 1 && "$output" == *'specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"'* ]]
	run cni ADD host-device a '{"cniVersion":"1.1.0","name":"tnet","type":"host-device","kernelpath":"/sys/devices/../class"}'
	[[ "$status" -eq 1 && "$output" == *"must be absolute and begin with /sys/devices/"* ]]
	run cni ADD host-device a '{"cniVersion":"1.1.0","name":"tnet","type":"host-device","pciBusID":"../x"}'
	[[ "$status" -eq 1 && "$output" == *"is no PCI address"* ]]
}

@test "static: addresses of the runtime before those of the configuration; more than one of a family needs version 0.3" {
	local conf='{"cniVersion":"1.0.0","name":"s","type":"x","ipam":{"type":"static","addresses":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"}]}'
	[[ "$(cni ADD static a "$conf}")" == *10.1.0.5/24*10.1.0.1* ]]
	[[ "$(cni ADD static a "$conf,\"runtimeConfig\":{\"ips\":[\"10.1.0.9/24\"]}}")" == *10.1.0.9/24* ]]
	ARGS="IP=10.1.0.7/24,fd01::7/64" run cni ADD static a "$conf}"
	[[ "$output" == *'"10.1.0.5/24","gateway":"10.1.0.1"'*10.1.0.7/24*fd01::7/64* ]]
	ARGS="IP=10.1.0.7/24,10.2.0.7/24;GATEWAY=10.1.0.9,10.3.0.1" run cni ADD static a "$conf}"
	[[ "$output" == *'"10.1.0.5/24","gateway":"10.1.0.1"'*'"10.1.0.7/24","gateway":"10.1.0.9"'*'"10.2.0.7/24"}'* ]]
	ARGS="IP=10.1.0.7/24;GATEWAY=10.1.0.9" run cni ADD static a "$conf,\"runtimeConfig\":{\"ips\":[\"10.1.0.4/24\"]},\"args\":{\"cni\":{\"ips\":[\"10.1.0.3/24\"]}}}"
	[[ "$status" -eq 0 && "$output" == *10.1.0.4/24* && "$output" != *10.1.0.[3579]* ]]
	ARGS="IP=10.1.0.7" run cni ADD static a "$conf}"
	[[ "$status" -eq 1 && "$output" == *"the 'ip' field is expected to be in CIDR notation, got: '10.1.0.7'"* ]]
	run cni ADD static a "$conf,\"args\":{\"cni\":{\"ips\":[\"10.1.0.3\"]}}}"
	[[ "$status" -eq 1 && "$output" == *"an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.0.3'"* ]]
	run cni ADD static a "${conf/5\/24/5}}"
	[[ "$status" -eq 1 && "$output" == *"the 'address' field is expected to be in CIDR notation, got: '10.1.0.5'"* ]]
	run cni CHECK static a "$conf,\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.2\"}]}}"
	[[ "$status" -eq 1 && "$output" == *"Failed to match addr 10.1.0.5/24"* ]]
	cni CHECK static a "$conf,\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"}]}}"
	ARGS="IP=10.1.0.7/24,10.1.0.8/24" run cni ADD static a "${conf/1.0.0/0.2.0}}"
	[[ "$status" -eq 1 && "$output" == *"more than 1 address"* ]]
}

@test "tuning: changed at ADD, seen by CHECK, put back at DEL" {
	local prev conf
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	conf='{"cniVersion":"1.1.0","name":"tnet","type":"tuning","dataDir":"'$DATA'/t","sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"},"mtu":1300,"allmulti":true,"txQLen":55,"prevResult":'$prev'}'
	cni ADD tuning a "$conf"
	[ "$(in_ns a cat /proc/sys/net/ipv4/conf/eth0/arp_filter)" = 1 ]
	in_ns a ip link show eth0 | grep -q "ALLMULTI.*mtu 1300.*qlen 55"
	cni CHECK tuning a "$conf"
	in_ns a ip link set eth0 mtu 1200
	run cni CHECK tuning a "$conf"
	[[ "$status" -eq 1 && "$output" == *"configured MTU of eth0 is 1300, current value is 1200"* ]]
	cni DEL tuning a "$conf"
	in_ns a ip link show eth0 | grep -q "mtu 1500.*qlen 1000"
	[ -z "$(ls "$DATA/t")" ]
	cni DEL tuning a "$conf"
	conf=${conf/'"sysctl"'/'"args":{"cni":{"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"2"}}},"sysctl"'}
	cni ADD tuning a "$conf" # args come before the configuration
	[ "$(in_ns a cat /proc/sys/net/ipv4/conf/eth0/arp_filter)" = 2 ]
	cni CHECK tuning a "$conf"
	local allow='mount -t tmpfs tmpfs /etc/cni 2>/dev/null || { mkdir -p /etc/cni && mount -t tmpfs tmpfs /etc/cni; }
		mkdir /etc/cni/tuning; printf " ^net.core\\t\\r\\n\\n net.unix \\n%s" "$4" >/etc/cni/tuning/allowlist.conf; printf %s "$1" | nsenter "--net=/run/netns/$2-host" \
		env CNI_COMMAND=ADD CNI_CONTAINERID=x CNI_NETNS="/run/netns/$2-a" CNI_IFNAME=eth0 CNI_PATH="$3" "$3/tuning"'
	unshare -m sh -c "$allow" sh "$conf" "$T" "$BIN" $' arp_filter$ \r\n'
	run unshare -m sh -c "$allow" sh "${conf/'"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"},'/}" "$T" "$BIN"
	[[ "$status" -eq 1 && "$output" == *"arp_filter is not allowed. Only the following sysctls are allowed: [^net.core net.unix]"* ]]
	cni DEL tuning a "$conf"
	run cni ADD tuning a "${conf/net.ipv4.conf.IFNAME.arp_filter/net/..\/kernel/hostname}"
	[[ "$status" -eq 1 && "$output" == *"invalid net sysctl key"* ]]
}

@test "bandwidth: both directions are limited; DEL and GC remove the link of the second" {
	in_ns host ip link add ifbprobe type ifb 2>/dev/null || skip "the kernel has no ifb"
	in_ns host ip link del ifbprobe
	local prev conf begin
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	conf='{"cniVersion":"1.1.0","name":"tnet","type":"bandwidth","runtimeConfig":{"bandwidth":{"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":800000}},"prevResult":'$prev'}'
	run cni ADD bandwidth a "$conf"
	[[ "$status" -eq 0 && "$output" == *bwp* ]]
	cni CHECK bandwidth a "$conf"
	run cni CHECK bandwidth a "${conf/4000000/5000000}"
	[ "$status" -eq 1 ]
	in_ns host tc qdisc show | grep -q "tbf.*rate 4Mbit"
	nsenter "--net=/run/netns/$T-host" socat -u TCP-LISTEN:99,reuseaddr "CREATE:$DATA/got" 3>&- 4>&- &
	SERVER=$!
	eventually 60 listens host 99
	# 1,100,000 bytes at 500,000 a second and a burst of 100,000: two seconds, or more where other things are slow.
	begin=$(date +%s%N)
	head -c 1100000 /dev/zero | nsenter --net=/run/netns/$T-a socat -u - TCP:10.77.0.1:99
	arrived() { [ "$(stat -c %s "$DATA/got")" = 1100000 ]; }
	eventually 60 arrived
	[ $(($(date +%s%N) - begin)) -gt 1500000000 ]
	cni DEL bandwidth a "$conf"
	[ -z "$(in_ns host ip -br link show type ifb)" ]
	cni ADD bandwidth a "$conf"
	cni GC bandwidth x '{"cniVersion":"1.1.0","name":"other","type":"bandwidth","cni.dev/valid-attachments":[]}'
	[ -n "$(in_ns host ip -br link show type ifb)" ]
	cni GC bandwidth x '{"cniVersion":"1.1.0","name":"tnet","type":"bandwidth","cni.dev/valid-attachments":[]}'
	[ -z "$(in_ns host ip -br link show type ifb)" ]
}

# sent POD TARGET PORT: how many bytes get out of the pod in a second.
sent() {
	: >"$DATA/got"
	timeout 1 nsenter "--net=/run/netns/$T-$1" socat -u /dev/zero "TCP:$2:$3" || true
	stat -c %s "$DATA/got"
}
unlimited() { [ "$(sent "$@")" -gt 1500000 ]; } # a busy machine may need a second try
limited() { [ "$(sent "$@")" -lt 1500000 ]; }   # 500,000 a second and a burst of 100,000

@test "bandwidth: some subnets without a limit, or with one alone" {
	in_ns host ip link add ifbprobe type ifb 2>/dev/null || skip "the kernel has no ifb"
	in_ns host ip link del ifbprobe
	outside
	in_ns out ip route add 10.77.0.0/24 via 192.0.2.1
	local prev conf
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	conf='{"cniVersion":"1.1.0","name":"tnet","type":"bandwidth","unshapedSubnets":["10.77.0.0/24","fd77::/64"],"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":800000,"prevResult":'$prev'}'
	cni ADD bandwidth a "$conf"
	cni CHECK bandwidth a "$conf"
	run cni CHECK bandwidth a "${conf/8000000/9000000}"
	[[ "$status" -eq 1 && "$output" == *"Rate does not match for the shaped class (1000000 != 1125000)"* ]]
	run in_ns host tc class show dev "$(in_ns host ip -br link show type ifb | cut -d' ' -f1)"
	[[ "$output" == *"1:30 root"*"rate 4Mbit"* ]]
	nsenter "--net=/run/netns/$T-host" socat -u TCP-LISTEN:99,reuseaddr,fork "CREATE:$DATA/got" 3>&- 4>&- &
	SERVER=$!
	eventually 60 listens host 99
	eventually 60 unlimited a 10.77.0.1 99
	limited a 192.0.2.1 99
	cni DEL bandwidth a "$conf"
	run cni ADD bandwidth a "${conf/'"unshapedSubnets"'/'"shapedSubnets":["10.0.0.0/8"],"unshapedSubnets"'}"
	[[ "$status" -eq 1 && "$output" == *"unshapedSubnets and shapedSubnets cannot be both specified"* ]]
	run cni ADD bandwidth a "${conf/fd77::\/64/hello}"
	[[ "$status" -eq 1 && "$output" == *'bad subnet \"hello\" provided'* ]]
	cni DEL bridge a "$BRIDGE,$IPAM}"
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	conf='{"cniVersion":"1.1.0","name":"tnet","type":"bandwidth","shapedSubnets":["10.77.0.0/24"],"runtimeConfig":{"bandwidth":{"egressRate":4000000,"egressBurst":800000}},"prevResult":'$prev'}'
	cni ADD bandwidth a "$conf"
	cni CHECK bandwidth a "$conf"
	limited a 10.77.0.1 99
	eventually 60 unlimited a 192.0.2.1 99
}

@test "firewall: bridges with a policy do not reach each other; isolated containers not even their neighbours" {
	local other prev
	other=${BRIDGE/kbr0/kbr1}
	prev=$(cni ADD bridge a "$BRIDGE,$IPAM}")
	cni ADD firewall a '{"cniVersion":"1.1.0","name":"tnet","type":"firewall","ingressPolicy":"same-bridge","prevResult":'"$prev"'}'
	prev=$(cni ADD bridge out "${other/tnet/unet},\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"$DATA\",\"subnet\":\"10.79.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}")
	in_ns a busybox ping -c1 -W20 10.79.0.2
	cni ADD firewall out '{"cniVersion":"1.1.0","name":"unet","type":"firewall","ingressPolicy":"same-bridge","prevResult":'"$prev"'}'
	run in_ns a busybox ping -c1 -W1 10.79.0.2
	[ "$status" -ne 0 ]
	prev=$(cni ADD bridge b "$BRIDGE,$IPAM}")
	in_ns a busybox ping -c1 -W20 10.77.0.3
	cni ADD firewall b '{"cniVersion":"1.1.0","name":"tnet","type":"firewall","ingressPolicy":"isolated","prevResult":'"$prev"'}'
	run in_ns a busybox ping -c1 -W1 10.77.0.3
	[ "$status" -ne 0 ]
	in_ns a busybox ping -c1 -W20 10.77.0.1
	in_ns host ip link del kbr0
	cni GC firewall x '{"cniVersion":"1.1.0","name":"tnet","type":"firewall","cni.dev/valid-attachments":[]}'
	! rules | grep -q "bridge/kbr0/"
	rules | grep -q "bridge/kbr1/"
}

@test "addresses of an earlier boot are freed; those of a namespace that is gone when none is left" {
	local conf='{"cniVersion":"1.1.0","name":"s","type":"x","ipam":{"type":"host-local","dataDir":"'$DATA'","subnet":"10.78.0.0/29"}}' i
	ip netns add "$T-c"
	for i in a b out c; do cni ADD host-local "$i" "$conf"; done
	ip netns add "$T-lost"
	cni ADD host-local lost "$conf"
	ip netns del "$T-lost"
	[ -e "$DATA/s/10.78.0.6" ]
	printf 'foreign\r\neth0' >"$DATA/s/10.78.0.200"
	IFNAME=eth1 run cni ADD host-local a "$conf" # the address of the lost one
	[[ "$status" -eq 0 && "$output" == *10.78.0.6/29* ]]
	IFNAME=eth1 run cni ADD host-local b "$conf"
	[[ "$status" -eq 1 && "$output" == *"no IP addresses available"* ]]
	sed -i "1s/^[^-].*/another boot/" "$DATA/s/.owners"/[0-9a-f]* # as if the machine had started anew
	rm "$DATA/s/.owners/stamp"
	cni ADD host-local c "$conf"
	[ "$(find "$DATA/s" -maxdepth 1 -name '10.*' | wc -l)" -eq 2 ]
	[ -e "$DATA/s/10.78.0.200" ]
}

@test "what the reference has given out is respected, checked and freed" {
	local conf='{"cniVersion":"1.1.0","name":"s","type":"x","ipam":{"type":"host-local","dataDir":"'$DATA'","subnet":"10.78.0.0/24"}}'
	mkdir "$DATA/s"
	printf 'id-a\r\neth0' >"$DATA/s/10.78.0.2"
	printf 'id-b' >"$DATA/s/10.78.0.3"
	printf 10.78.0.3 >"$DATA/s/last_reserved_ip.0"
	cni CHECK host-local a "$conf"
	run cni ADD host-local a "$conf"
	[[ "$status" -eq 1 && "$output" == *"10.78.0.2 has been allocated to id-a, duplicate allocation is not allowed"* ]]
	[[ "$(cni ADD host-local out "$conf")" == *10.78.0.4/24* ]]
	printf 'id-z\r\neth0' >"$DATA/s/10.78.0.5" # while we were not looking
	[[ "$(IFNAME=eth1 cni ADD host-local out "$conf")" == *10.78.0.6/24* ]]
	for i in a b z; do cni DEL host-local "$i" "$conf"; done
	[ "$(find "$DATA/s" -maxdepth 1 -name '10.*' | wc -l)" -eq 2 ]
}

@test "host-local: a file that is not needed any more is used again, whole, and GC keeps none" {
	local conf='{"cniVersion":"1.1.0","name":"s","type":"x","ipam":{"type":"host-local","dataDir":"'$DATA'","subnet":"10.78.0.0/24"}}' node
	ip netns add "$T-c"
	IFNAME=averylongname cni ADD host-local a "$conf"
	node=$(stat -c %i "$DATA/s/10.78.0.2")
	IFNAME=averylongname cni DEL host-local a "$conf"
	[ "$(ls "$DATA/s" | grep -c '^10')" -eq 0 ]
	cni ADD host-local b "$conf"
	cni ADD host-local c "$conf"
	stat -c %i "$DATA/s"/10.* "$DATA/s/.owners"/* | grep -qx "$node"
	for i in b c; do printf 'id-%s\r\neth0' "$i" | cmp - "$(grep -l "^id-$i" "$DATA/s"/10.*)"; done
	for i in b c; do cni CHECK host-local "$i" "$conf"; cni DEL host-local "$i" "$conf"; done
	rm "$(ls "$DATA/s/.owners"/spare.* | tail -1)" # as if a plugin had been killed: the count is one too high
	for i in a b c; do cni ADD host-local "$i" "$conf"; done
	[ "$(grep -l '^id-[abc]' "$DATA/s"/10.* | wc -l)" -eq 3 ]
	for i in a b c; do cni DEL host-local "$i" "$conf"; done
	ls "$DATA/s/.owners" | grep -q spare
	cni GC host-local x "${conf%\}},\"cni.dev/valid-attachments\":[]}"
	[ "$(ls "$DATA/s/.owners")" = stamp ]
}

@test "a node that ran the reference: its attachments are checked, kept apart and taken away" {
	local ref=/usr/lib/cni prev conf gc
	[ -x "$ref/bridge" ] || skip "containernetworking-plugins is not installed"
	conf='{"cniVersion":"0.4.0","name":"tnet","type":"bridge","bridge":"kbr0","isGateway":true,"hairpinMode":true,'$IPAM
	prev=$(BIN=$ref cni ADD bridge a "$conf}")
	BIN=$ref cni ADD bridge b "$conf}"
	cni CHECK bridge a "$conf,\"prevResult\":$prev}"
	ip netns add "$T-c"
	[[ "$(cni ADD bridge c "$conf}")" == *10.77.0.4/24* ]]
	in_ns c busybox ping -c1 -W2 10.77.0.2
	run cni ADD bridge b "$conf}"
	[ "$status" -eq 1 ]
	[ -e "$DATA/tnet/10.77.0.3" ] # its own ADD stays as it was
	cni DEL bridge a "$conf,\"prevResult\":$prev}"
	[ ! -e "$DATA/tnet/10.77.0.2" ]
	run in_ns a ip link show eth0
	[ "$status" -ne 0 ]
	gc=${conf/0.4.0/1.1.0}',"cni.dev/valid-attachments":[{"containerID":"id-c","ifname":"eth0"}]}'
	cni GC bridge x "$gc"
	[ "$(find "$DATA/tnet" -name '10.*' | wc -l)" -eq 1 ]
	[[ "$(BIN=$ref cni ADD bridge a "$conf}")" == *10.77.0.5/24* ]] # and back
	BIN=$ref cni DEL bridge c "$conf}"
	BIN=$ref cni DEL bridge a "$conf}"
	[ -z "$(find "$DATA/tnet" -maxdepth 1 -name '10.*' -o -maxdepth 1 -name 'fd*')" ]
}

@test "host-local: behind a long run of addresses in use, what is noted of them and what is true" {
	local conf='{"cniVersion":"1.1.0","name":"s","type":"x","ipam":{"type":"host-local","dataDir":"'$DATA'","ranges":[[{"subnet":"10.78.0.0/26"}]]}}' i
	for i in $(seq 61); do IFNAME=e$i cni ADD host-local a "$conf"; done >/dev/null # all
	run cni ADD host-local b "$conf"
	[[ "$status" -eq 1 && "$output" == *"no IP addresses available in range set: 10.78.0.1-10.78.0.62"* ]]
	IFNAME=e40 cni DEL host-local a "$conf"
	[[ "$(cni ADD host-local b "$conf")" == *10.78.0.41/26* ]]
	[ -e "$DATA/s/.owners/used" ]
	IFNAME=e20 cni DEL host-local a "$conf" # noted
	[[ "$(cni ADD host-local c "$conf")" == *10.78.0.21/26* ]]
	cni DEL host-local c "$conf"
	cp "$DATA/s/.owners/used" "$DATA/old"
	[[ "$(cni ADD host-local c "$conf")" == *10.78.0.21/26* ]]
	cp "$DATA/old" "$DATA/s/.owners/used" # says that it is free
	IFNAME=e50 cni DEL host-local a "$conf"
	printf 10.78.0.30 >"$DATA/s/last_reserved_ip.0"
	[[ "$(cni ADD host-local d "$conf")" == *10.78.0.51/26* ]]
	cp "$DATA/s/.owners/used" "$DATA/old"
	IFNAME=e60 cni DEL host-local a "$conf"
	cp "$DATA/old" "$DATA/s/.owners/used" # says that none is
	[[ "$(IFNAME=e60 cni ADD host-local e "$conf")" == *10.78.0.61/26* ]]
	head -c 33 /dev/urandom >"$DATA/s/.owners/used"
	IFNAME=e10 cni DEL host-local a "$conf"
	[[ "$(IFNAME=e10 cni ADD host-local e "$conf")" == *10.78.0.11/26* ]]
}

@test "churn: ${CNI_CHURN:-120} pod networks with plugins killed at random points leave nothing (CNI_CHURN=10000 for more)" {
	run "$BATS_TEST_DIRNAME/churn" "$BIN" "${CNI_CHURN:-120}"
	echo "$output" | tee /dev/fd/3 | head -3
	[ "$status" -eq 0 ]
}
