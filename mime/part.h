/*
 * part.h - a message as a tree of parts; contents stay in the input.
 *
 * Life:      part_tree_read() .. part_free() of the root.
 * Ownership: a part owns its children, parameters and name.
 * Caps:      max_parts, max_depth and max_boundary of the options. Beyond one of them the tree is
 * `capped`: it still covers all bytes, but not as their sender meant.
 */
#ifndef MIME_PART_H
#define MIME_PART_H

#include "mime/header.h"
#include "mime/mime.h"
#include "mime/parameter.h"
#include "mime/transfer.h"

struct part {
	char *type;		    /* "text/plain", lower case */
	struct parameters *content; /* of Content-Type */
	struct parameters
	    *disposition; /* of Content-Disposition; its value "" where there is none */
	enum transfer transfer;
	char *content_id;  /* without brackets; NULL where there is none */
	bool is_multipart; /* then it has children and no content of its own */
	uint64_t begin;	   /* of the content in the input */
	uint64_t end;
	GPtrArray *children; /* of struct part */
};

struct part_tree {
	struct part *root;
	bool capped;
};

/* Reads the structure of the message whose header block is `top`. Never NULL. */
struct part_tree *part_tree_read(struct input *input, const struct header *top,
				 const struct mime_options *options, struct defects *defects);
void part_tree_free(struct part_tree *tree);

/* A part for content in [begin, end) that nothing is known of but its type. */
struct part *part_new(const char *type, uint64_t begin, uint64_t end);

/* A part as its header block describes it; `default_type` where it does not. */
struct part *part_from_header(const struct header *header, const char *default_type,
			      struct defects *defects);
void part_free(struct part *part);

bool part_is(const struct part *part, const char *type);

#endif
