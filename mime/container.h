/*
 * container.h - parts that hold what might have been sent as parts: they become multiparts of it.
 *
 * Rules: a container that was opened keeps its own bytes as a part; one that cannot be opened stays
 *        as it is, with a defect. Forwarded messages are opened where the options say so: their
 *        files are attachments (part.is_forwarded), their texts stay in them.
 *        What is encrypted stays closed, and the tree says so (part_tree.encrypted).
 * Caps:  CONTAINERS_MAX of a message are opened, and CONTAINERS_DEPTH_MAX in one another; their
 *        compressed RTF is read as far as CONTAINERS_RTF_BYTES_MAX come out of it. At most
 *        CONTAINERS_FILES_MAX files are taken out of one text.
 */
#ifndef MIME_CONTAINER_H
#define MIME_CONTAINER_H

#include "mime/part.h"

enum {
	CONTAINERS_MAX = 100,
	CONTAINERS_DEPTH_MAX = 10,
	CONTAINERS_FILES_MAX = 100,
	CONTAINERS_RTF_BYTES_MAX = 32 * 1024 * 1024
};

/* Opens what the tree holds of them. */
void containers_open(struct part_tree *tree, const struct mime_options *options,
		     struct mime_output *output, struct defects *defects);

/* A text that holds uuencoded files between its lines becomes a multipart/mixed of texts and files;
 * other parts stay as they are. */
void container_take_out_files(struct part *part, struct defects *defects);

#endif
