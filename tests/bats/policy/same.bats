#!/usr/bin/env bats
# Changes of network policies, one after the other, end where all of them at once do; and what stands then is what they say.
# bats file_tags=policy

REPO=$BATS_TEST_DIRNAME/../../..

@test "the table after each of many random changes is the one that is made from nothing" {
	for seed in 1 2 3; do
		unshare --net "$BATS_TEST_DIRNAME/same.py" "$REPO/build/test/policy-drive" $seed 60
	done
}

@test "what the table does to many packets is what random policies say" {
	for seed in 1 2; do
		unshare --net "$BATS_TEST_DIRNAME/model.py" "$REPO/build/test/policy-drive" $seed 25
	done
}
