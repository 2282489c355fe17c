#!/usr/bin/env bats
# The API side of the conformance suite: custom resources and extension servers, on a server alone with a node of paper.

load common

setup_file() { server_up; }

teardown_file() { server_down; }

@test "definitions" {
	cases custom.py conversion_by_webhook definitions_are_watched_by_their_objects \
		definitions_are_listed_and_have_a_status defaults_for_requests_and_from_storage selectable_fields custom_discovery
}

@test "validation of fields" {
	cases custom.py fields_of_typed_objects fields_of_custom_objects
}

@test "OpenAPI of definitions, and kubectl" {
	cases custom.py openapi_of_several_definitions openapi_follows_versions kubectl_knows_definitions \
		kubectl_and_unknown_fields
}

@test "an extension server" {
	cases custom.py aggregator
}

@test "definitions and API services as Go's typed clients send them" {
	WIRE=protobuf cases custom.py conversion_by_webhook openapi_of_several_definitions fields_of_custom_objects aggregator
}
