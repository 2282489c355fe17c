# Waiting in tests: for a state, never for a time. Bounds are for machines that hang, not for slow ones: 20 seconds and more.
# shellcheck shell=bash

# eventually SECONDS CMD...: waits until the command, which may be a function, succeeds. What it says when it still fails
# then is printed.
eventually() {
	local seconds=$1 until=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$until" ]; then
			"$@" >&2 && return 0
			echo "did not come true within $seconds seconds: $*" >&2
			return 1
		fi
		sleep 0.1
	done
}

# ended PID...: waits until none of the processes runs any more. (One that nobody waits for does not run.)
ended() { eventually 60 none_runs "$@"; }

none_runs() {
	local p stat
	for p; do
		[ -n "$p" ] || continue
		{ read -r stat <"/proc/$p/stat"; } 2>/dev/null || continue
		stat=${stat##*) }
		[[ $stat == [ZX]* ]] || return 1
	done
}

# end_process PID...: asks them to end, and waits for it.
end_process() {
	kill "$@" 2>/dev/null || true
	ended "$@"
}

# own_network PID: it lives in another network namespace than this shell.
own_network() {
	[ -e "/proc/$1/ns/net" ] && [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# catches_term PID: it has a handler for SIGTERM, without which the first process of a pid namespace never gets one.
catches_term() { (($(sed -n 's/^SigCgt:\t/0x/p' "/proc/$1/status") & 1 << 14)); }
