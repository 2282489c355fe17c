# knarr-oci with systemd making its cgroups, on a machine whose init is systemd.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

B=/var/tmp/bundle
ROOT=/sys/fs/cgroup
SCOPE=box-one.scope
CG=$ROOT/boxes.slice/boxes-a.slice/$SCOPE
oci() { knarr-oci --systemd-cgroup --root /run/oci "$@"; }
config() { jq "$@" $B/config.json >$B/new && mv $B/new $B/config.json; }
property() { systemctl show -P "$1" "${2:-$SCOPE}"; }
started() {
	config '.process.args = ["sleep", "300"]'
	oci run -d --bundle $B one </dev/null >/tmp/run.out 2>&1 || { cat /tmp/run.out; return 1; }
}

mkdir -p $B/rootfs/bin
cp /bin/busybox $B/rootfs/bin/
for a in sh ls cat echo sleep stat mkdir id true; do ln -s busybox $B/rootfs/bin/$a; done
(cd $B && knarr-oci spec)
config '.process.terminal = false | .linux.cgroupsPath = "boxes-a.slice:box:one"
	| .annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.CollectMode": "'"'inactive'"'"}
	| .linux.resources += {memory: {limit: 33554432, swap: 50331648, reservation: 16777216}, pids: {limit: 20},
	  cpu: {shares: 1024, quota: 15001, period: 100000, cpus: "0"}, unified: {"memory.high": "30000000"}}'

unit() {
	started
	same "$(property ActiveState) $(property Slice) $(property Delegate)" "active boxes-a.slice yes"
	same "$(property ControlGroup)" /boxes.slice/boxes-a.slice/$SCOPE
	same "$(property TimeoutStopUSec) $(property CollectMode)" "7s inactive"
	same "$(cat $CG/cgroup.procs)" "$(oci state one | jq .pid)"
	same "$(cat "/proc/$(cat $CG/cgroup.procs)/cgroup")" "0::/boxes.slice/boxes-a.slice/$SCOPE"
}
limits() {
	same "$(property MemoryMax) $(property MemorySwapMax) $(property MemoryLow) $(property MemoryHigh)" "33554432 16777216 16777216 30000000"
	same "$(property CPUWeight) $(property CPUQuotaPerSecUSec) $(property TasksMax) $(property AllowedCPUs)" "100 160ms 20 0"
	same "$(property DevicePolicy)" strict
	has "$(property DeviceAllow)" "char-136 rwm"
	same "$(cat $CG/memory.max) $(cat $CG/memory.low) $(cat $CG/pids.max) $(cat $CG/cpu.weight)" "33554432 16777216 20 100"
	same "$(cat $CG/cpu.max) $(cat $CG/cpuset.cpus)" "16000 100000 0"
}
survives_reload() {
	systemctl daemon-reload
	same "$(cat $CG/memory.max) $(cat $CG/pids.max)" "33554432 20"
}
executes() {
	same "$(oci exec one cat /proc/self/cgroup)" 0::/
	same "$(oci exec one sh -c 'echo x >/dev/null && echo fine')" fine
}
updated() {
	oci update --memory 64m --memory-swap 80m --pids-limit 30 --cpu-quota 30000 one
	same "$(property MemoryMax) $(property MemorySwapMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)" \
		"67108864 16777216 30 300ms"
	same "$(cat $CG/memory.max) $(cat $CG/memory.swap.max) $(cat $CG/pids.max) $(cat $CG/cpu.max)" \
		"67108864 16777216 30 30000 100000"
	oci update --pids-limit -1 --memory -1 one
	same "$(property TasksMax) $(property MemoryMax) $(property MemorySwapMax)" "infinity infinity infinity"
	same "$(cat $CG/pids.max) $(cat $CG/memory.max)" "max max"
	oci update --cpu-idle 1 one
	same "$(cat $CG/cpu.idle) $(property CPUWeight)" "1 idle"
	oci update --cpu-share 2048 one
	same "$(cat $CG/cpu.idle) $(property CPUWeight)" "0 $(cat $CG/cpu.weight)"
}
paused() {
	oci pause one
	has "$(cat $CG/cgroup.events)" "frozen 1"
	oci resume one
	has "$(cat $CG/cgroup.events)" "frozen 0"
}
occupied() {
	out=$(oci run -d --bundle $B two 2>&1 </dev/null) && return 1
	has "$out" "container's cgroup is not empty"
	same "$(property ActiveState)" active
	[ ! -e /run/oci/two ]
}
deleted() {
	oci kill one KILL
	eventually 200 sh -c "[ \$(knarr-oci --root /run/oci state one | jq -r .status) = stopped ]"
	oci delete one
	same "$(property LoadState)" not-found
	[ ! -e $CG ]
	[ ! -e /run/oci/one ]
}
forced() {
	started
	oci exec -d one sleep 300
	oci pause one
	oci delete --force one
	same "$(property LoadState)" not-found
	[ ! -e $CG ]
	fails pidof sleep
}
refused() {
	config '.linux.cgroupsPath = "/a/b"'
	out=$(oci run --bundle $B bad 2>&1) && return 1
	has "$out" 'for systemd cgroups, got'
	config '.linux.cgroupsPath = "boxes-a.slice:box:one" | .annotations["org.systemd.property.NoSuchThing"] = "true"'
	out=$(oci run --bundle $B bad 2>&1) && return 1
	has "$out" 'unable to start unit'
	config 'del(.annotations["org.systemd.property.NoSuchThing"])'
	same "$(property LoadState)" not-found
}
sliced() {
	config '.linux.cgroupsPath = "boxes.slice::boxes-b.slice" | .annotations = {}'
	started
	same "$(property ActiveState boxes-b.slice)" active
	same "$(cat $ROOT/boxes.slice/boxes-b.slice/memory.max)" 33554432
	same "$(cat $ROOT/boxes.slice/boxes-b.slice/cgroup.procs)" "$(oci state one | jq .pid)"
	oci delete --force one
	[ ! -e $ROOT/boxes.slice/boxes-b.slice ]
	config '.linux.cgroupsPath = "boxes-a.slice:box:one"'
}
# owner OPTIONS NAMESPACES: to whom the container's cgroup belongs in its own eyes.
owner() {
	config "(.mounts[] | select(.type == \"cgroup\")).options |= $1 | .linux.namespaces |= $2"
	config '.process.args = ["stat", "-c", "%u", "/sys/fs/cgroup"]'
	oci run --bundle $B one
}
delegated() {
	cp $B/config.json $B/saved
	chown 100000 $B/rootfs
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{hostID: 100000, containerID: 0, size: 65536}]
		| .linux.gidMappings = [{hostID: 100000, containerID: 0, size: 65536}]'
	same "$(owner . .)" 65534
	same "$(owner '. - ["ro"]' .)" 0
	same "$(owner . 'map(select(.type != "cgroup"))')" 65534
	mv $B/saved $B/config.json
	chown 0 $B/rootfs
}

check "a scope in its slice, with the process and the annotations" unit
check "limits are known to systemd and to the kernel" limits
check "a reload of systemd keeps the limits" survives_reload
check "exec" executes
check "a second container in the same scope is refused" occupied
check "update" updated
check "pause and resume" paused
check "delete leaves nothing" deleted
check "delete --force of a frozen container" forced
check "what cannot be a unit is refused and leaves none" refused
check "a slice instead of a scope" sliced
check "a cgroup is given to the user namespace's root" delegated
finish
