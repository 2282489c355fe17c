/* Claims, volumes and classes of attributes that are in use are not deleted yet. Pure. */
#ifndef KNARR_CP_CONTROLLERS_PROTECTION_PLAN_H
#define KNARR_CP_CONTROLLERS_PROTECTION_PLAN_H

#include "cp/controllers/plan.h"

#define PROTECTION_CLAIM "kubernetes.io/pvc-protection"
#define PROTECTION_VOLUME "kubernetes.io/pv-protection"
#define PROTECTION_ATTRIBUTES "kubernetes.io/vac-protection"

/* The finalizer of a PersistentVolumeClaim that is being deleted goes when no pod that has a node uses it. pods: those of its
 * namespace. (Kubernetes concepts, Persistent Volumes, Storage Object in Use Protection.) */
void protection_claim_plan(const json_t *claim, const json_t *pods, struct plan *plan);
/* That of a PersistentVolume, when no claim is bound to it. */
void protection_volume_plan(const json_t *volume, struct plan *plan);
/* That of a VolumeAttributesClass, when no claim and no volume (of the whole cluster) names it. */
void protection_attributes_plan(const json_t *class, const json_t *claims, const json_t *volumes, struct plan *plan);

#endif
