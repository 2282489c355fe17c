#!/usr/bin/env bats
# The API side of the conformance suite: admission webhooks, on a server alone with a node of paper.

load common

setup_file() { server_up; }

teardown_file() { server_down; }

@test "webhooks" {
	cases webhooks.py webhook_discovery webhook_denies_pods_and_configmaps webhook_denies_attach webhook_denies_crds \
		webhook_fails_closed webhook_timeouts webhook_mutates webhook_configurations_are_safe_from_webhooks \
		webhook_configurations_are_changed webhook_configurations_are_listed
}

@test "webhooks of custom resources" {
	cases webhooks.py custom_webhooks custom_mutation_is_pruned
}
