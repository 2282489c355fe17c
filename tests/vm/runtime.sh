# knarr-oci on a machine with nothing but cgroup v2.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

B=/var/tmp/bundle
CG=/sys/fs/cgroup/boxes/one
DISK=$(tr : ' ' </sys/block/vda/dev) # "MAJOR MINOR"
oci() { knarr-oci --root /run/oci "$@"; }
config() { jq "$@" $B/config.json >$B/new && mv $B/new $B/config.json; }
# inside NAME COMMAND: runs a shell command in a container to its end.
inside() {
	config --arg c "$2" '.process.args = ["sh", "-c", $c]'
	oci run --bundle $B "$1"
}
started() {
	config '.process.args = ["sleep", "300"]'
	oci run -d --bundle $B one </dev/null >/dev/null 2>&1
}

mkdir -p $B/rootfs/bin $B/rootfs/tmp
cp /bin/busybox $B/rootfs/bin/
for a in sh ls cat echo sleep mknod dd grep id true touch kill; do ln -s busybox $B/rootfs/bin/$a; done
(cd $B && oci spec)
# shellcheck disable=SC2016 # names of jq
config '.process.terminal = false | .root.readonly = false | .linux.cgroupsPath = "/boxes/one"
	| .process.capabilities |= with_entries(.value += ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
	| .linux.resources = {memory: {limit: 33554432, swap: 50331648, reservation: 16777216}, pids: {limit: 20},
	  cpu: {shares: 1024, quota: 50000, period: 100000, cpus: "0"}, unified: {"memory.oom.group": "1"},
	  devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 8, access: "r"}]}'

pure() {
	grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts
	fails grep -q ' cgroup ' /proc/mounts
}
limits() {
	started
	same "$(cat $CG/memory.max)" 33554432
	same "$(cat $CG/memory.low)" 16777216
	same "$(cat $CG/memory.oom.group)" 1
	same "$(cat $CG/pids.max)" 20
	same "$(cat $CG/cpu.max)" "50000 100000"
	same "$(cat $CG/cpuset.cpus)" 0
	same "$(cat $CG/cpu.weight)" 100
	has "$(cat /sys/fs/cgroup/cgroup.subtree_control)" memory
}
member() {
	pid=$(oci state one | jq .pid)
	same "$(cat $CG/cgroup.procs)" "$pid"
	same "$(cat "/proc/$pid/cgroup")" 0::/boxes/one
	same "$(oci exec one cat /proc/self/cgroup)" 0::/
	oci exec one sh -c 'echo $$ >/tmp/pid; exec sleep 300' &
	eventually 200 sh -c "[ \$(wc -l <$CG/cgroup.procs) = 2 ]"
	oci exec one sh -c 'kill -9 $(cat /tmp/pid)'
	wait
}
pause_resume() {
	oci pause one
	has "$(cat $CG/cgroup.events)" "frozen 1"
	same "$(oci state one | jq -r .status)" paused
	oci resume one
	has "$(cat $CG/cgroup.events)" "frozen 0"
	same "$(oci state one | jq -r .status)" running
}
updated() {
	oci update --memory 64m --pids-limit 30 one
	same "$(cat $CG/memory.max)" 67108864
	same "$(cat $CG/pids.max)" 30
	refused "$(oci exec one sh -c "mknod /tmp/k b $DISK; cat /tmp/k" 2>&1)"
}
statistics() {
	oci ps one
	[ "$(oci ps -f json one | jq length)" -ge 1 ]
	s=$(oci events --stats one)
	same "$(echo "$s" | jq -c '[.type, .id, .data.pids.limit, .data.memory.kernel.limit]')" '["stats","one",30,0]'
	same "$(echo "$s" | jq -c '.data.memory | [.usage.limit, .swap.limit >= .usage.limit, .usage.usage > 0, .raw.anon >= 0]')" \
		'[67108864,true,true,true]'
	same "$(echo "$s" | jq '.data.cpu.usage.total > 0')" true
}
refused() { has "$1" "Operation not permitted"; }
killed() {
	oci exec -d one sh -c 'while :; do sleep 300; done'
	eventually 200 sh -c "[ \$(wc -l <$CG/cgroup.procs) -ge 2 ]"
	oci kill one KILL
	eventually 200 sh -c "oci() { knarr-oci --root /run/oci \"\$@\"; }; [ \$(oci state one | jq -r .status) = stopped ]"
}
deleted() {
	oci delete one
	[ ! -e $CG ]
	[ ! -e /run/oci/one ]
	fails grep -q bundle /proc/mounts
}
forced() {
	started
	for _ in 1 2 3 4; do oci exec -d one sleep 300; done
	oci pause one
	oci delete --force one
	[ ! -e $CG ]
	fails pidof sleep
}
# Nodes may be made (the runtimes' default rules allow that), but only those of the rules opened.
devices() {
	out=$(inside dev "echo x >/dev/null && echo null; dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null && echo zero
		mknod /tmp/ok c 1 8 && dd if=/tmp/ok of=/dev/null bs=1 count=1 2>/dev/null && echo read
		mknod /tmp/disk b $DISK && echo made; dd if=/tmp/disk of=/dev/null count=1" 2>&1) || true
	for w in null zero read made "'/tmp/disk': Operation not permitted"; do
		has "$out" "$w"
	done
	config --argjson n "$(echo "$DISK" | cut -d' ' -f2)" --argjson m "$(echo "$DISK" | cut -d' ' -f1)" \
		'.linux.resources.devices += [{allow: true, type: "b", major: $m, minor: $n, access: "r"}]'
	out=$(inside dev "dd if=/tmp/disk of=/dev/null count=1 && echo read; echo x >/tmp/disk" 2>&1) || true
	has "$out" read
	has "$out" "create /tmp/disk: Operation not permitted"
	rm -f $B/rootfs/tmp/*
}
# The first line of events of a container whose memory runs out; events ends with the container.
oom_event() {
	config '.process.args = ["sh", "-c", "sleep 1; (x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done); sleep 300"]
		| del(.linux.resources.unified)'
	oci run -d --bundle $B one </dev/null >/dev/null 2>&1
	oci events --interval 1h one >/tmp/events &
	eventually 200 grep -q oom /tmp/events
	oci delete --force one
	wait
	same "$(head -n 1 /tmp/events)" '{"type":"oom","id":"one"}'
}
out_of_memory() {
	status=0
	inside oom 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done' || status=$?
	same $status 137
	has "$(cat /sys/fs/cgroup/memory.stat | head -n 1)" anon
}
too_many() {
	has "$(inside many 'i=0; while [ $i -lt 40 ]; do sleep 1 & i=$((i+1)); done' 2>&1)" "can't fork"
}
cgroup_view() {
	config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"]}]'
	out=$(inside view 'cat /proc/self/cgroup; cat /sys/fs/cgroup/memory.max; echo 1 2>&1 >/sys/fs/cgroup/pids.max') || true
	same "$out" "0::/
33554432
sh: can't create /sys/fs/cgroup/pids.max: Read-only file system"
}
# A cgroup whose parent holds processes cannot have controllers: the error must say so.
busy_parent() {
	mkdir -p /sys/fs/cgroup/busy
	sleep 300 &
	echo $! >/sys/fs/cgroup/busy/cgroup.procs
	config '.linux.cgroupsPath = "/busy/box"'
	config 'del(.linux.resources.cpu)'
	status=0
	out=$(inside busy true 2>&1) || status=$?
	type=$(cat /sys/fs/cgroup/busy/cgroup.type)
	kill $!
	wait
	rmdir /sys/fs/cgroup/busy
	config '.linux.cgroupsPath = "/boxes/one"'
	same $status 1
	has "$out" /busy/box/memory.
	same "$type" domain
}
clean() {
	[ -z "$(ls -A /run/oci)" ]
	[ "$(find /sys/fs/cgroup -mindepth 1 -type d | wc -l)" -le 1 ]
	rmdir /sys/fs/cgroup/boxes
}

check "the machine has only cgroup2" pure
check "limits are in the v2 files" limits
check "processes live in the cgroup" member
check "pause and resume" pause_resume
check "update" updated
check "ps and events" statistics
check "kill" killed
check "delete leaves nothing" deleted
check "delete --force of a frozen container" forced
check "device rules" devices
check "out of memory" out_of_memory
check "events tell a kill for want of memory" oom_event
check "pids limit" too_many
check "the container's view of its cgroup" cgroup_view
check "a parent with processes" busy_parent
check "nothing is left" clean
finish
