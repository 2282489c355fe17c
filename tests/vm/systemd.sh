# A cluster of one node on a machine whose init is systemd: units instead of knarr-supervise.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

export KUBECONFIG=/etc/kubernetes/admin.conf
k() { kubectl --request-timeout=120s "$@"; }
ROOT=/sys/fs/cgroup
property() { systemctl show -P "$2" "$1"; }
daemons() { pidof knarr-server knarr-agent knarr-supervise knarr-shim pause sleep || true; }
census() {
	grep -v -e '^[^ ]* /sys/fs/' /proc/mounts | sort
	ip -o link | sed 's/^[0-9]*: //; s/ .*//' | sort
	ip route
	ls /run/netns 2>/dev/null
	find $ROOT -mindepth 1 -type d -name '*knarr*'
	find /etc/systemd /run/systemd/system /run/systemd/units -name '*knarr*'
	daemons
}
ready() { same "$(k get node vm -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" True; }
# The demo container's process and its restarts.
container() {
	grep -lx sleep /proc/[0-9]*/comm | cut -d/ -f3
	k get pod demo -o 'jsonpath={.status.containerStatuses[0].restartCount}'
}

ip link add eth0 type dummy
ip addr add 192.168.77.2/24 dev eth0
ip link set eth0 up
ip route add default via 192.168.77.1
mkdir -p /run/netns /etc/cni/net.d

booted() {
	same "$(cat /proc/1/comm)" systemd
	same "$(systemctl is-active multi-user.target)" active
}
ups() {
	knarr up --node-name=vm --timeout=200 </dev/null
	ready
	[ -z "$(pidof knarr-supervise)" ]
}
units() {
	for u in knarr-server knarr-agent; do
		eventually 200 systemctl is-active -q $u
		same "$(systemctl is-enabled $u)" enabled
		same "$(property $u Type) $(property $u NotifyAccess) $(property $u NRestarts)" "notify main 0"
		same "$(property $u MainPID)" "$(pidof $u)"
	done
	same "$(property knarr-agent TimeoutStartUSec)" infinity
	same "$(property knarr-agent Delegate) $(property knarr-agent KillMode)" "yes process"
	same "$(property knarr-server Delegate) $(property knarr-server KillMode)" "no control-group"
	journalctl -u knarr-server -u knarr-agent -q --no-pager -o cat | grep .
}
again() {
	was="$(pidof knarr-server) $(pidof knarr-agent)"
	knarr up --node-name=vm --timeout=200 </dev/null
	same "$(pidof knarr-server) $(pidof knarr-agent)" "$was"
}
pod() {
	knarr image import /vm/demo.tar
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: demo}
	spec:
	  terminationGracePeriodSeconds: 1
	  containers:
	  - name: demo
	    image: knarr-demo:1
	    command: [sleep, "1000"]
	    resources: {limits: {memory: 20Mi, cpu: 500m}}
	YAML
	k wait --for=condition=Ready pod/demo --timeout=200s
}
# systemd neither moves the pods nor takes away their controllers.
tolerated() {
	systemctl daemon-reload
	own=$ROOT$(sed 's/^0:://' "/proc/$(pidof sleep)/cgroup")
	has "$own" $ROOT/knarr/
	has "$(cat "/proc/$(pidof knarr-shim)/cgroup")" 0::/knarr/ # out of reach of what ends the agent's unit
	same "$(cat "$own/memory.max") $(cat "$own/cpu.max")" "20971520 50000 100000"
	for c in cpuset cpu memory pids; do has " $(cat $ROOT/cgroup.subtree_control) " " $c "; done
}
# Waits for a new main process of a unit that has said it is ready.
renewed() { [ "$(property "$1" MainPID)" != "$2" ] && [ "$(property "$1" SubState)" = running ] && [ "$(property "$1" MainPID)" != 0 ]; }
agent_goes() {
	was=$(container)
	main=$(property knarr-agent MainPID)
	"$@"
	eventually 200 renewed knarr-agent "$main"
	tolerated
	same "$(container)" "$was"
	same "$(k exec demo -- echo alive)" alive
	same "$(container)" "$was"
}
# Without the delegation of the agent's unit nothing but the pods asks for their controllers.
away() {
	systemctl stop knarr-agent
	tolerated
	systemctl start knarr-agent
	tolerated
}
server_restart() {
	was=$(container)
	main=$(property knarr-server MainPID)
	systemctl restart knarr-server
	renewed knarr-server "$main"
	same "$(k get --raw /readyz)" ok # active means that it serves
	ready
	same "$(container)" "$was"
}
downs() {
	knarr down </dev/null
	for u in knarr-server knarr-agent; do
		same "$(property $u LoadState) $(property $u ActiveState)" "not-found inactive"
	done
	same "$(systemctl list-units --all --plain --no-legend 'knarr*')" ""
	eventually 60 unchanged || true
	same "$(census || true)" "$before"
}
unchanged() { [ "$(census || true)" = "$before" ]; }
# Tried again until it works, however often that fails.
port_in_use() {
	nc -ll -p 6443 -e true &
	fails knarr up --node-name=vm --timeout=60 </dev/null
	eventually 200 sh -c '[ "$(systemctl show -P NRestarts knarr-server)" -gt 5 ]'
	kill $!
	eventually 200 systemctl is-active -q knarr-server
	knarr up --node-name=vm --timeout=200 </dev/null
	ready
	downs
}

before=$(census || true)
check "systemd is the init" booted
check "up" ups
check "the units" units
check "up again" again
check "a pod" pod
check "cgroups of pods beside those of systemd" tolerated
check "the agent restarts" agent_goes systemctl restart knarr-agent
check "the agent is away for a while" agent_goes away
check "the agent is killed" agent_goes systemctl kill --kill-whom=main -s KILL knarr-agent
check "all of the agent's unit is killed" agent_goes systemctl kill -s KILL knarr-agent
check "the server restarts" server_restart
check "down leaves nothing" downs
check "a port in use, then free, and down once more" port_in_use
[ "$failed" = 0 ] || journalctl -q --no-pager -o short-monotonic | tail -n 80
finish
