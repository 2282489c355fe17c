/* Rules of claims that other kinds hold. Pure. */
#ifndef KNARR_CP_KINDS_STORAGE_H
#define KNARR_CP_KINDS_STORAGE_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* Access modes of {accessModes} at path; needed is the detail where there are none, or NULL. */
void access_modes_validate(const json_t *spec, const char *path, const char *needed, struct field_errors *errors);
/* The spec of a claim at path. */
void claim_spec_validate(const json_t *spec, const char *path, struct field_errors *errors);
/* {metadata, spec} of a claim to be made, at path: only labels and annotations may be given. */
void claim_template_validate(const json_t *template, const char *path, struct field_errors *errors);
/* The name of a CSI driver at path.key, which has to be there. */
void csi_driver_name_validate(const json_t *v, const char *path, const char *key, struct field_errors *errors);
/* iSCSI of a persistent volume, whose errors are told in other words than a pod's. */
void volume_iscsi_validate(const json_t *v, const char *path, struct field_errors *errors);
/* The spec of a volume at path; inside an attachment fewer fields may be given. */
void volume_spec_validate(const json_t *spec, const char *name, bool is_inline, const char *path, struct field_errors *errors);

#endif
