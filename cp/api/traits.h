/* Small differences between kinds in how the generic verbs treat them. */
#ifndef KNARR_CP_API_TRAITS_H
#define KNARR_CP_API_TRAITS_H

#include <stdbool.h>

#include "cp/schema/schema.h"

/* What becomes of an object's dependents when a delete does not say. */
enum dependents { DEPENDENTS_GO, DEPENDENTS_STAY, DEPENDENTS_NONE /* nobody owns anything: no delete asks for it */ };

struct traits {
	const char *group, *plural;
	bool returns_deleted;  /* a delete answers with the object in place of a Status */
	bool create_on_update; /* PUT and apply of an absent object create it */
	bool needs_rv;         /* an update has to name a resourceVersion */
	bool rewritten;        /* written again and again; none of its values is read back as another one than was written */
	const char *warning;   /* with every request; NULL: none */
	enum dependents dependents;
	const char *delete_warning; /* with a delete that does not say what becomes of dependents; NULL: none */
};

/* Never NULL. */
const struct traits *traits_of(const struct kind *k);
/* "core", "apps", "rbac": the reference's name for the package of the kind's group. Returns owned. */
char *traits_package(const struct kind *k);

#endif
