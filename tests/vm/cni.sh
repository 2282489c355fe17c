# CNI plugins with what the kernels of other test hosts lack: filtering of VLANs on bridges, and links of VLANs.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

ip=/vm/bin/ip

BIN=/opt/cni/bin
DATA=/run/ipam
# apart PID: in a network namespace of its own
apart() { [ "$(readlink /proc/"$1"/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
# pod NAME: a network namespace that a sleeping process holds.
pod() {
	unshare -n sleep 1000 &
	eval "$1=$!"
	eventually 60 apart $!
}
# cni COMMAND PLUGIN POD CONF
cni() {
	printf '%s' "$4" | CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=/proc/$(eval echo "\$$3")/ns/net CNI_IFNAME=eth0 CNI_PATH=$BIN "$BIN/$2"
}
inside() {
	who=$1
	shift
	nsenter --net=/proc/"$(eval echo "\$$who")"/ns/net "$@"
}
conf() {
	echo '{"cniVersion":"1.1.0","name":"v'"$1"'","type":"bridge","bridge":"kbr0","isGateway":true,'"$2"',
	  "ipam":{"type":"host-local","dataDir":"'$DATA'","subnet":"10.'"$1"'.0.0/24"}}'
}
pod a
pod b
pod c
pod d

access_ports() {
	cni ADD bridge a "$(conf 5 '"vlan":5,"preserveDefaultVlan":false')" | grep -q '"name":"kbr0.5"'
	cni ADD bridge b "$(conf 5 '"vlan":5,"preserveDefaultVlan":false')" >/dev/null
	cni ADD bridge c "$(conf 6 '"vlan":6,"preserveDefaultVlan":false')" >/dev/null
	inside a ping -c1 -W20 10.5.0.3
	inside a ping -c1 -W20 10.5.0.1
	inside c ping -c1 -W20 10.6.0.1
	/vm/bin/bridge vlan show
	[ "$(/vm/bin/bridge vlan show | grep -c '5 PVID Egress Untagged')" -eq 3 ]
}
separated() {
	inside c $ip addr add 10.5.0.9/24 dev eth0
	fails inside c ping -c1 -W1 10.5.0.2
}
trunk() {
	cni ADD bridge d '{"cniVersion":"1.1.0","name":"t","type":"bridge","bridge":"kbr0","vlanTrunk":[{"minID":5,"maxID":6},{"id":9}]}' >/dev/null
	inside d $ip link add link eth0 name eth0.5 type vlan id 5
	inside d $ip addr add 10.5.0.77/24 dev eth0.5
	inside d $ip link set eth0.5 up
	inside d ping -c1 -W20 10.5.0.2
}
vlan_link() {
	$ip link add up0 type dummy
	$ip link set up0 up
	cni DEL bridge b "$(conf 5 '"vlan":5')"
	cni ADD vlan b '{"cniVersion":"1.1.0","name":"l","type":"vlan","master":"up0","vlanId":7,"ipam":{"type":"static","addresses":[{"address":"10.7.0.2/24"}]}}' | grep -q 10.7.0.2
	inside b $ip -d link show eth0 | grep -q 'id 7'
	cni DEL vlan b '{"cniVersion":"1.1.0","name":"l","type":"vlan","master":"up0","vlanId":7,"ipam":{"type":"static"}}'
	fails inside b $ip link show eth0
}
check "access ports: a VLAN's members and its gateway reach each other" access_ports
check "VLANs are apart" separated
check "a trunk carries tagged frames of its VLANs" trunk
check "vlan: a link of a VLAN, taken away again" vlan_link
exit "$failed"
