# Helpers of the OCI bats files: a busybox bundle in a directory of its own, its own state root and cgroup.
load ../../lib/wait
OCI_BIN="${KNARR_OCI:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-oci}"

setup_bundle() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	busybox=$(command -v busybox) || skip "needs busybox-static"
	[ -x "$OCI_BIN" ] || skip "knarr-oci is not built"
	T=$(mktemp -d /tmp/knarr-oci-test.XXXXXX)
	CG="/knarr-test-oci-$$-$BATS_TEST_NUMBER"
	ID="t$$"
	[ -d "$BATS_FILE_TMPDIR/bundle" ] || template
	mkdir "$T/state"
	cp -a "$BATS_FILE_TMPDIR/bundle" "$T/bundle"
	sed -i "s,@CGROUP@,$CG," "$T/bundle/config.json"
}

# The bundle that each test of a file gets a copy of.
template() {
	local new=$BATS_FILE_TMPDIR/new a
	mkdir -p "$new/rootfs/bin" "$new/rootfs/etc" "$new/rootfs/tmp"
	cp "$busybox" "$new/rootfs/bin/busybox"
	for a in sh ls cat echo true false id mount ps sleep grep env pwd tty stty touch unshare hostname stat readlink \
		dd wc mkdir nc ip umount sed test kill; do
		ln -s busybox "$new/rootfs/bin/$a"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$new/rootfs/etc/passwd"
	echo 'u:x:1000:1000:u:/home/u:/bin/sh' >>"$new/rootfs/etc/passwd"
	(cd "$new" && "$OCI_BIN" spec)
	change_json "$new/config.json" 'c["process"]["terminal"] = False' "c['linux']['cgroupsPath'] = '@CGROUP@'"
	mv "$new" "$BATS_FILE_TMPDIR/bundle"
}

teardown_bundle() {
	[ -n "${T:-}" ] || return 0
	for c in $("$OCI_BIN" --root "$T/state" list -q); do
		"$OCI_BIN" --root "$T/state" delete --force "$c"
	done
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -d "$h$CG" ] && find "$h$CG" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	rm -rf --one-file-system "$T"
}

# Changes config.json by Python statements on c.
config() { change_json "$T/bundle/config.json" "$@"; }
change_json() {
	python3 -S - "$@" <<'PY'
import json, sys
c = json.load(open(sys.argv[1]))
for statement in sys.argv[2:]:
    exec(statement)
json.dump(c, open(sys.argv[1], "w"))
PY
}

args() {
	python3 -S - "$T/bundle/config.json" "$@" <<'PY'
import json, sys
c = json.load(open(sys.argv[1]))
c["process"]["args"] = sys.argv[2:]
json.dump(c, open(sys.argv[1], "w"))
PY
}

oci() {
	"$OCI_BIN" --root "$T/state" "$@"
}

# Runs "$@" (default: a long sleep) in the background; descriptors of bats itself must not be held by it.
detached() {
	[ $# -gt 0 ] || set -- sleep 300
	args "$@"
	oci run -d --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>"$T/err" 3>&-
}

is_stopped() { [[ "$(oci state "$ID")" == *'"status": "stopped"'* ]]; }

# The path of a v1 controller's file of the container, or of the v2 one.
cgfile() {
	if [ -d "/sys/fs/cgroup/$1" ]; then echo "/sys/fs/cgroup/$1$CG/$2"; else echo "/sys/fs/cgroup$CG/$3"; fi
}

teardown() {
	teardown_bundle
}

setup() {
	setup_bundle
}
