/* Whether a container's image can be used: pull policy against the local store. */
#ifndef KNARR_AGENT_IMAGE_CHECK_H
#define KNARR_AGENT_IMAGE_CHECK_H

#include "agent/pod.h"

/* Finds the image, tells what happens by events. On failure the container is blocked with ErrImagePull,
 * ImagePullBackOff, ErrImageNeverPull or InvalidImageName. Returns owned; NULL on failure. */
struct image *image_check(struct pod *p, struct container_state *c);

#endif
