#!/usr/bin/env bats
# The API side of the conformance suite: kinds as objects, and discovery, on a server alone with a node of paper.

load common

setup_file() { server_up; }

teardown_file() { server_down; }

@test "flow control and policies as objects" {
	cases objects.py flow_schemas priority_levels validating_policies mutating_policies
}

@test "revisions, reviews, signing requests" {
	cases objects.py controller_revisions subject_reviews signing_requests
}

@test "service accounts and their tokens" {
	cases objects.py service_accounts service_account_token_review automount_as_account_and_pod_say root_ca_comes_back
}

@test "events of both groups" {
	cases objects.py core_events events_of_the_new_group
}

@test "discovery in all forms" {
	cases objects.py discovery aggregated_discovery
}

@test "the same with bodies as Go's typed clients send them" {
	WIRE=protobuf cases objects.py
}
