#!/usr/bin/env bats
# Who listens to changes of nf_tables hears those of others, and does not slow down large commits of its own process.

load ../../lib/host

watch() { # CASE: in a network namespace of its own
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	run unshare --net "$REPO/build/test/watch-drive" "$1"
	[ "$output" = ok ]
}

@test "a stranger's change of the table is heard, an own one and another table are not" { watch small; }

@test "nothing of a large commit of this process is heard, and what follows is" { watch large; }

@test "a large commit that fails changes nothing" { watch failed; }

@test "what a stranger changes beside a large commit is found" { watch meanwhile; }

@test "a watch that was closed is not looked for" { watch closed; }
