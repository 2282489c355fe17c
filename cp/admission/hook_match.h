/* Whether the rules and selectors of a webhook or policy fit a request. Pure but for hook_selects(). */
#ifndef KNARR_CP_ADMISSION_HOOK_MATCH_H
#define KNARR_CP_ADMISSION_HOOK_MATCH_H

#include "cp/admission/plugin.h"

struct hook_target {
	enum admit_op op;
	const char *group, *version, *resource, *subresource, *name;
	bool namespaced;
};

/* One RuleWithOperations (or NamedRuleWithOperations). */
bool hook_rule_fits(const json_t *rule, const struct hook_target *t);
/* The kind in whose version the rules want to see a request: its own, or, where equivalent (matchPolicy Equivalent), another
 * that is served of the same objects. NULL: none fits. */
const struct kind *hook_rules_kind(const struct admit *a, const json_t *rules, bool equivalent);
/* The same of what has matchPolicy beside its rules. */
bool hook_is_equivalent(const json_t *config);
/* namespaceSelector and objectSelector of a webhook or of MatchResources; both may be absent. */
bool hook_selects(const struct admit *a, const json_t *selectors);
/* The configurations of admission themselves are out of reach of webhooks and policies. */
bool hook_is_exempt(const struct admit *a);
const char *hook_op_word(enum admit_op op);

#endif
