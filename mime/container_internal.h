/*
 * container_internal.h - what opens containers, by their kinds.
 *
 * Ownership: an opener gives the part that it is called with other children (part_enclose()); inputs
 *            that they lie in are the tree's.
 */
#ifndef MIME_CONTAINER_INTERNAL_H
#define MIME_CONTAINER_INTERNAL_H

#include "mime/container.h"

struct containers {
	struct part_tree *tree;
	const struct mime_options *options;
	struct mime_output *output;
	struct defects *defects;
	unsigned opened;
	unsigned depth;
	bool has_text; /* a part before this one is text that is shown */
};

/* The content of a part, decoded, as an input of the tree; NULL when it cannot be written. */
struct input *container_decode(struct containers *containers, const struct part *part);

/* What has been written to the output as this content, as an input of the tree; likewise. */
struct input *container_input(struct containers *containers, const struct mime_content *content);

/* winmail.dat (container_tnef.c). */
bool container_is_tnef(const struct part *part);
void container_open_tnef(struct containers *containers, struct part *part);

#endif
