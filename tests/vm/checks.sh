# shellcheck shell=sh
# Helpers of the scripts that run inside a test machine. Each check is a function; check says "ok NAME" or "not ok NAME".

failed=0
check() {
	name=$1
	shift
	(set -e; "$@") >/tmp/check.out 2>&1 # not as a condition: that would switch off -e
	if [ $? -eq 0 ]; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/    /' /tmp/check.out
		failed=$((failed + 1))
	fi
}
# eventually SECONDS CMD...: waits until the command succeeds.
eventually() {
	until=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$until" ] || { echo "did not come true: $*"; "$@"; return; }
		sleep 0.1
	done
}
# same GOT WANTED
same() { [ "$1" = "$2" ] || { echo "got: $1"; echo "wanted: $2"; return 1; }; }
# fails CMD...: the command must not succeed. (A plain "!" does not end a check.)
fails() { if "$@"; then echo "succeeded: $*"; return 1; fi; }
# has TEXT PART
has() { case $1 in *"$2"*) ;; *) echo "\"$2\" is not in: $1"; return 1 ;; esac; }
finish() { exit "$failed"; }
