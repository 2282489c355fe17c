/* Images for containers.
 *
 * Happy path: the image is in the local store. What can fail: it is not, or the policy asks for a registry, which this
 * agent cannot reach: an honest ErrImagePull, then ImagePullBackOff. What always holds: Never takes only what is there.
 */
#include "agent/image_check.h"

#include <errno.h>
#include <string.h>

#include "agent/events.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

static const char *policy_of(const json_t *spec)
{
	const char *policy = json_str_at(spec, "imagePullPolicy"), *image = json_str_or(spec, "image", "");
	const char *slash = strrchr(image, '/'), *tag = strchr(slash ? slash : image, ':');
	if (policy)
		return policy;
	return !strchr(image, '@') && (!tag || !strcmp(tag, ":latest")) ? "Always" : "IfNotPresent";
}

static void block(struct pod *p, struct container_state *c, const char *reason, const char *text)
{
	bool again = c->wait_reason && (!strcmp(c->wait_reason, reason) || !strcmp(c->wait_reason, "ImagePullBackOff"));
	struct events *ev = p->agent->events;
	const char *image = json_str_or(c->spec, "image", "");
	if (!strcmp(reason, "ErrImagePull")) {
		events_pod(ev, p->state, c->name, false, "Pulling", "Pulling image \"%s\"", image);
		events_pod(ev, p->state, c->name, true, "Failed", "Failed to pull image \"%s\": %s", image, text);
	} else {
		events_pod(ev, p->state, c->name, true, reason, "%s", text);
	}
	events_pod(ev, p->state, c->name, true, "Failed", "Error: %s", reason);
	if (!again || strcmp(reason, "ErrImagePull")) {
		container_blocked(c, reason, text, clock_mono_ms());
		return;
	}
	AUTO_FREE char *back_off = xasprintf("Back-off pulling image \"%s\": ErrImagePull: %s", image, text);
	events_pod(ev, p->state, c->name, false, "BackOff", "Back-off pulling image \"%s\"", image);
	container_blocked(c, "ImagePullBackOff", back_off, clock_mono_ms());
}

struct image *image_check(struct pod *p, struct container_state *c)
{
	struct err e = ERR_INIT;
	struct image *image = NULL;
	AUTO_FREE char *full = NULL;
	const char *ref = json_str_or(c->spec, "image", ""), *policy = policy_of(c->spec);
	if (image_ref_normalize(ref, &full, &e) < 0) {
		AUTO_FREE char *text =
		    xasprintf("Failed to apply default image tag \"%s\": couldn't parse image name \"%s\": %s", ref,
			      ref, err_text(&e));
		block(p, c, "InvalidImageName", text);
		return NULL;
	}
	int r = image_find(p->agent->images, full, &image, &e);
	/* No registry can be asked for something newer: Always is content with what was imported. */
	if (r == 0) {
		events_pod(p->agent->events, p->state, c->name, false, "Pulled",
			   "Container image \"%s\" already present on machine and can be accessed by the pod", ref);
		return image;
	}
	AUTO_FREE char *text = NULL;
	if (!strcmp(policy, "Never"))
		text = xasprintf("Container image \"%s\" is not present with pull policy of Never", ref);
	else if (r == -ENOENT)
		text = xasprintf("image \"%s\" is not in the local store, and this agent does not pull from registries "
				 "(import it with "
				 "knarr image import)",
				 full);
	else
		text = xstrdup(err_text(&e));
	block(p, c, !strcmp(policy, "Never") ? "ErrImageNeverPull" : "ErrImagePull", text);
	return NULL;
}
