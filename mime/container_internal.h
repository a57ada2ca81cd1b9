/*
 * container_internal.h - parts that hold what might have been sent as parts: they become multiparts
 * of it.
 *
 * Rules: a container that was opened keeps its own bytes as a part; one that cannot be opened stays
 *        as it is, with a defect. Forwarded messages are opened where the options say so: their
 *        files are attachments (part.is_forwarded), their texts stay in them.
 *        What is encrypted stays closed, and the tree says so (part_tree.encrypted).
 * Caps:  CONTAINERS_MAX of a message are opened, and CONTAINERS_DEPTH_MAX in one another; their
 *        compressed RTF is read as far as CONTAINERS_RTF_BYTES_MAX come out of it. At most
 *        CONTAINERS_FILES_MAX files are taken out of one text.
 */
#ifndef MIME_CONTAINER_INTERNAL_H
#define MIME_CONTAINER_INTERNAL_H

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

/* --- what opens them, by their kinds --------------------------------------------- */
/*
 * Ownership: an opener gives the part that it is called with other children (part_enclose()); inputs
 *            that they lie in are the tree's.
 */

/* What was signed or encrypted in the message, as in struct part_tree. */
struct container_secrets {
	const char *signature;
	const struct part *encrypted;
	const char *encryption;
};

struct containers {
	struct part_tree *tree;
	const struct mime_options *options;
	struct mime_output *output;
	struct defects *defects;
	unsigned opened;
	unsigned depth;
	uint64_t rtf_left;   /* bytes that may come out of compressed RTF */
	uint32_t parts_left; /* that messages in it may have */
	struct container_secrets secrets;
	GPtrArray *texts; /* of struct part: before this one, and not attached */
};

/* The content of a part, decoded, as an input of the tree; NULL when it cannot be written. */
struct input *container_decode(struct containers *containers, const struct part *part);

/* What has been written to the output as this content, as an input of the tree; likewise. */
struct input *container_input(struct containers *containers, const struct mime_content *content);

/* Opens what is in a part that has been made of a container. */
void containers_walk(struct containers *containers, struct part *part);

/* Is there a text before the part that is at hand? */
bool container_has_text(const struct containers *containers);

/* The message or signed content that is the input, as a tree; NULL when that is too much, with a
 * defect. What is wrong with it is said in `defects`. */
struct part *container_read_message(struct containers *containers, struct input *input,
				    struct defects *defects);

/* The part becomes what it was, and behind it what is in it, of which nothing is a body here. */
void container_keep_apart(struct containers *containers, struct part *part, struct part *inner);

/* A forwarded message. */
bool container_is_message(const struct part *part);
void container_open_message(struct containers *containers, struct part *part);

/* S/MIME and PGP/MIME (container_signed.c): what was signed is unwrapped, a multipart that is signed
 * or encrypted is looked at. */
bool container_is_envelope(const struct part *part);
void container_open_envelope(struct containers *containers, struct part *part);
void container_look_at_multipart(struct containers *containers, const struct part *part);

/* Uuencoded files in a text that is itself encoded (container_text.c). */
bool container_may_hold_files(struct part *part);
void container_open_text(struct containers *containers, struct part *part);

/* winmail.dat (container_tnef.c). */
bool container_is_tnef(const struct part *part);
void container_open_tnef(struct containers *containers, struct part *part);

#endif
