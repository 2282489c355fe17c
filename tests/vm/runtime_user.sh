# knarr-oci as an ordinary user whose own systemd makes its cgroups.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

RUN=/run/user/1000
B=/var/tmp/bundle
BASE=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
SCOPE=box-one.scope
CG=$BASE/user.slice/$SCOPE
# From a cgroup below the manager's own, as from a terminal of the user's: out of any other it could move a process only
# through the system's manager and a message bus, which is not here.
as_user() {
	(
		[ ! -d $BASE ] || { mkdir -p $BASE/caller && sh -c 'echo $PPID' >$BASE/caller/cgroup.procs; }
		exec /vm/setpriv --reuid 1000 --regid 1000 --clear-groups env -u DBUS_SESSION_BUS_ADDRESS HOME=/var/tmp XDG_RUNTIME_DIR=$RUN "$@"
	)
}
oci() { as_user knarr-oci --systemd-cgroup "$@"; }
property() { as_user systemctl --user show -P "$1" "${2:-$SCOPE}"; }
config() { jq "$@" $B/config.json >/tmp/new && cat /tmp/new >$B/config.json; }
started() {
	oci run -d --bundle $B one </dev/null >/tmp/run.out 2>&1 || { cat /tmp/run.out; return 1; }
}

echo user:x:1000:1000:user:/var/tmp:/bin/sh >>/etc/passwd
echo user:x:1000: >>/etc/group
mkdir -p $RUN $B/rootfs/bin
cp /bin/busybox $B/rootfs/bin/
for a in sh cat echo sleep; do ln -s busybox $B/rootfs/bin/$a; done
chown -R 1000:1000 $B $RUN
(cd $B && as_user knarr-oci spec --rootless)
config '.process.terminal = false | .process.args = ["sleep", "300"] | .linux.cgroupsPath = ":box:one"
	| .linux.resources = {memory: {limit: 33554432}, pids: {limit: 20}, cpu: {shares: 1024, quota: 20000, period: 100000}}'

no_manager() {
	out=$(oci run --bundle $B bad 2>&1 </dev/null) && return 1
	has "$out" "connect to the user's systemd ($RUN/systemd/private"
	[ ! -e $RUN/knarr-oci/bad ]
}
manager() {
	systemctl start user@1000.service
	same "$(systemctl show -P ActiveState user@1000.service)" active
	as_user systemctl --user is-active -q basic.target
}
unit() {
	started
	same "$(property ActiveState) $(property Slice) $(property Delegate)" "active user.slice yes"
	same "$(property ControlGroup)" "${CG#/sys/fs/cgroup}"
	same "$(systemctl show -P LoadState $SCOPE)" not-found # the system's manager has no part in it
	same "$(cat $CG/cgroup.procs)" "$(oci state one | jq .pid)"
	same "$(stat -c %u "/proc/$(cat $CG/cgroup.procs)")" 1000
}
limits() {
	same "$(property MemoryMax) $(property TasksMax) $(property CPUWeight) $(property CPUQuotaPerSecUSec)" "33554432 20 100 200ms"
	same "$(cat $CG/memory.max) $(cat $CG/pids.max) $(cat $CG/cpu.max)" "33554432 20 20000 100000"
	as_user systemctl --user daemon-reload
	same "$(cat $CG/memory.max) $(cat $CG/pids.max)" "33554432 20"
}
executes() {
	oci exec -d one sleep 300
	same "$(wc -l <$CG/cgroup.procs)" 2
	same "$(oci exec one sh -c 'echo x >/dev/null && echo fine')" fine
}
updated() {
	oci update --memory 64m --pids-limit 30 --cpu-quota 30000 one
	same "$(property MemoryMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)" "67108864 30 300ms"
	same "$(cat $CG/memory.max) $(cat $CG/pids.max) $(cat $CG/cpu.max)" "67108864 30 30000 100000"
}
paused() {
	oci pause one
	has "$(cat $CG/cgroup.events)" "frozen 1"
	oci resume one
	has "$(cat $CG/cgroup.events)" "frozen 0"
}
stopped() { [ "$(oci state one | jq -r .status)" = stopped ]; }
deleted() {
	oci kill one KILL
	eventually 200 stopped
	oci delete one
	same "$(property LoadState)" not-found
	[ ! -e $CG ]
	[ ! -e $RUN/knarr-oci/one ]
}
forced() {
	started
	oci pause one
	oci delete --force one
	same "$(property LoadState)" not-found
	[ ! -e $CG ]
	fails pidof sleep
}
defaults() {
	config 'del(.linux.cgroupsPath)'
	started
	own=$(oci state one | jq .pid)
	has "$(cat "/proc/$own/cgroup")" "0::${BASE#/sys/fs/cgroup}/user.slice/"
	oci delete --force one
	fails ls -d $BASE/user.slice/*one*.scope
}

check "without a manager of the user's nothing is made" no_manager
check "the user's own manager" manager
check "a scope of that manager, with the process" unit
check "limits are known to it and to the kernel" limits
check "exec" executes
check "update" updated
check "pause and resume" paused
check "delete leaves nothing" deleted
check "delete --force of a frozen container" forced
check "the default is the user's slice" defaults
finish
