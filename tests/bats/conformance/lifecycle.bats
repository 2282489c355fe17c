#!/usr/bin/env bats
# The API side of the conformance suite: namespaces, garbage, quotas, watches, on a server alone with a node of paper.

load common

setup_file() { server_up; }

teardown_file() { server_down; }

@test "namespaces" {
	cases lifecycle.py namespace_is_patched_updated_finalized namespace_status namespace_goes_with_pods_and_services \
		namespace_deletes_pods_first
}

@test "garbage collection" {
	cases lifecycle.py gc_background_of_a_controller gc_orphans_of_a_controller gc_of_a_deployment \
		gc_foreground_keeps_the_controller_until_its_pods_are_gone gc_keeps_what_has_another_valid_owner \
		gc_is_not_blocked_by_a_circle
}

@test "quotas" {
	cases lifecycle.py quota_status_is_calculated quota_service quota_counted_kinds quota_pod quota_scopes quota_lifecycle \
		quota_status_is_patched_and_comes_back
}

@test "watches, chunks, tables" {
	cases lifecycle.py watches_see_what_their_selector_selects watches_start_and_restart_where_they_were \
		a_watch_sees_an_object_go_and_come_by_its_label concurrent_watches_agree_on_the_order lists_in_chunks chunks_after_their_time tables_and_406
}
