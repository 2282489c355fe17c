#!/usr/bin/env bats
# The API side of the conformance suite: workloads, on a server alone with a node of paper.

load common

setup_file() { server_up; }

teardown_file() { server_down; }

@test "deployments" {
	cases workloads.py deployment_lifecycle deployment_scale_and_status deployments_replace_their_pods \
		deployment_scales_in_proportion
}

@test "replica sets and replication controllers" {
	cases workloads.py replicaset_life replicaset_adopts_and_releases controller_adopts_and_releases controller_lifecycle \
		controller_scale controller_tells_of_a_quota
}

@test "other workloads as objects" {
	cases workloads.py statefulset_objects daemonset_objects job_objects cronjob_objects disruption_budget_objects
}

@test "the same with bodies as Go's typed clients send them" {
	WIRE=protobuf cases workloads.py
}
