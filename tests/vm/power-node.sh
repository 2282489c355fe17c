# A node whose data is on a disk of its own (/dev/vdb), life after life. What an earlier life has done must still be there:
# an imported image is not imported again, what was applied is not applied again. Says "serving" when two replicas answer.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

export KUBECONFIG=/etc/kubernetes/admin.conf
k() { kubectl --request-timeout=120s "$@"; }
mount -t ext4 /dev/vdb /mnt || exit 1
for d in /var/lib/knarr /var/lib/kubelet /etc/kubernetes /etc/cni /var/lib/cni /var/log; do
	mkdir -p $d "/mnt$d"
	mount --bind "/mnt$d" $d
done
ip link add eth0 type dummy
ip addr add 192.168.77.2/24 dev eth0
ip link set eth0 up
ip route add default via 192.168.77.1
mkdir -p /run/netns /etc/cni/net.d

ups() { knarr up --no-systemd --node-name=vm --timeout=200 </dev/null; }
imported() { knarr image import /vm/demo.tar; }
applied() {
	k apply -f /vm/hello.yaml
	k -n hello rollout status deployment/hello --timeout=200s
	touch /var/lib/knarr/applied
	sync
}
# Ready by what the agent has seen in this life, not by what was stored in the one before.
serving() {
	ip=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	for _ in 1 2 3 4 5 6 7 8; do curl -fsS --max-time 30 "http://$ip/"; done | sort -u | wc -l | grep -qx 2
}
check "up" ups
knarr image ls | grep -q knarr-demo || check "image import" imported
[ -e /var/lib/knarr/applied ] || check "deployment" applied
check "both replicas serve" eventually 200 serving
if [ "$failed" -gt 0 ]; then
	k get nodes,pods -A -o wide
	k -n hello get events | tail -n 20
	tail -n 30 /var/log/knarr/*
	finish
fi
echo serving
sleep 60
