# The service proxy on Debian's kernel, which has SCTP: this machine is the node, two network namespaces are pods.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

ip=/vm/bin/ip
apart() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
# pod NAME NUMBER: a network namespace that a sleeping process holds, 10.244.NUMBER.2 and fd44:NUMBER::2
pod() {
	unshare -n sleep 100000 &
	eval "$1=$!"
	eventually 60 apart $!
	$ip link add "p$1" type veth peer name eth0 netns $!
	$ip addr add "10.244.$2.1/24" dev "p$1"
	$ip addr add "fd44:$2::1/64" dev "p$1" nodad
	$ip link set "p$1" up
	inside "$1" $ip link set lo up
	inside "$1" $ip addr add "10.244.$2.2/24" dev eth0
	inside "$1" $ip addr add "fd44:$2::2/64" dev eth0 nodad
	inside "$1" $ip link set eth0 up
	inside "$1" $ip route add default via "10.244.$2.1"
	inside "$1" $ip -6 route add default via "fd44:$2::1"
}
inside() {
	who=$1
	shift
	nsenter --net=/proc/"$(eval echo "\$$who")"/ns/net "$@"
}
# serve PORT ADDRESS-FAMILY...: pod b says who it is, one listener a family
serve() {
	for listen; do
		inside b /vm/bin/socat "$listen" SYSTEM:'echo b' >/dev/null 2>&1 </dev/null &
	done
}
ask() { inside a timeout 20 /vm/bin/socat -u "$1" STDOUT; }
answers() { same "$(ask "$1")" b; }

$ip link set lo up
pod a 1
pod b 2
serve TCP4-LISTEN:8080,fork,reuseaddr TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=1 \
	SCTP4-LISTEN:8082,fork,reuseaddr SCTP6-LISTEN:8082,fork,reuseaddr,ipv6only=1
mkdir -p /run/drive
mkfifo /run/drive/in
/vm/bin/proxy-drive --cidr 10.244.0.0/16 --cidr fd44::/16 --node-ip 10.244.1.1 --ipv6 </run/drive/in >/run/drive/out 2>&1 &
exec 7>/run/drive/in
say() { echo "$*" >&7; }

loaded() {
	say 'service {"metadata":{"namespace":"d","name":"s"},"spec":{"clusterIP":"10.96.0.9","clusterIPs":["10.96.0.9","fd96::9"],"ports":[{"name":"t","port":80},{"name":"s","port":82,"protocol":"SCTP"}]}}'
	say 'slice {"metadata":{"namespace":"d","name":"s-1","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.2.2"]},{"addresses":["fd44:2::2"]}],"ports":[{"name":"t","port":8080},{"name":"s","port":8082,"protocol":"SCTP"}]}'
	say sync
	eventually 60 grep -q '^ok 8 ' /run/drive/out
}
tcp() {
	eventually 60 answers TCP4:10.244.2.2:8080
	answers TCP4:10.96.0.9:80
	answers 'TCP6:[fd96::9]:80'
}
sctp() {
	eventually 60 answers SCTP4:10.244.2.2:8082
	answers SCTP4:10.96.0.9:82
	answers 'SCTP6:[fd96::9]:82'
}
refused() {
	say 'del-slice d/s-1'
	say sync
	eventually 60 sh -c 'test "$(grep -c "^ok [1-9]" /run/drive/out)" -eq 2'
	fails ask SCTP4:10.96.0.9:82
	fails ask TCP4:10.96.0.9:80
}
check "services are loaded" loaded
check "TCP of both families" tcp
check "SCTP of both families" sctp
check "without endpoints they are refused" refused
finish
