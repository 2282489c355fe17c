/* Every controller there is, one file each. */
#ifndef KNARR_CP_CONTROLLERS_TABLE_H
#define KNARR_CP_CONTROLLERS_TABLE_H

#include "cp/controllers/runner.h"

extern const struct controller deployment_controller, replicaset_controller, endpoints_controller,
    endpointslice_controller, namespace_controller, serviceaccount_controller, root_ca_controller,
    node_lifecycle_controller, taint_eviction_controller, pod_gc_controller, garbage_collector, event_ttl_controller,
    clusterrole_aggregation_controller, token_controller, resourcequota_controller,
    csr_approving_controller, csr_signing_controller, csr_cleaner_controller, token_cleaner_controller,
    bootstrap_signer_controller, node_ipam_controller, service_address_controller, service_range_controller,
    replicationcontroller_controller, daemonset_controller, statefulset_controller, job_controller, cronjob_controller,
    disruption_controller, endpointslice_mirror_controller, claim_protection_controller, volume_protection_controller,
    attributes_protection_controller;

#endif
