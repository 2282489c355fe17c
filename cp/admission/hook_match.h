/* Whether the rules and selectors of a webhook or policy fit a request. Pure but for hook_selects(). */
#ifndef KNARR_CP_ADMISSION_HOOK_MATCH_H
#define KNARR_CP_ADMISSION_HOOK_MATCH_H

#include "cp/admission/plugin.h"

struct hook_target {
	enum admit_op op;
	const char *group, *version, *resource, *subresource, *name;
	bool namespaced;
};

/* One RuleWithOperations (or NamedRuleWithOperations). any_version: matchPolicy Equivalent, the rule may name another
 * version of the same resource. */
bool hook_rule_fits(const json_t *rule, const struct hook_target *t, bool any_version);
bool hook_rules_fit(const json_t *rules, const struct hook_target *t, bool any_version);
/* The request of a chain as rules see it. */
struct hook_target hook_target_of(const struct admit *a);
/* namespaceSelector and objectSelector of a webhook or of MatchResources; both may be absent. */
bool hook_selects(const struct admit *a, const json_t *selectors);
/* The configurations of admission themselves are out of reach of webhooks and policies. */
bool hook_is_exempt(const struct admit *a);
const char *hook_op_word(enum admit_op op);

#endif
