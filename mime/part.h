/*
 * part.h - a message as a tree of parts; contents stay in the input.
 *
 * Life:      part_tree_read() .. part_tree_free().
 * Ownership: a part owns its children, parameters and name; the tree owns its parts, and the inputs
 *            that decoded multiparts lie in.
 * Caps:      max_parts, max_depth and max_boundary of the options. Beyond one of them the tree is
 *            `capped`: its parts are not all that the sender meant.
 */
#ifndef MIME_PART_H
#define MIME_PART_H

#include "mime/content_field.h"
#include "mime/header.h"
#include "mime/mime.h"
#include "mime/output.h"
#include "mime/transfer.h"

/* What is known of a part's content. */
enum part_text { PART_TEXT_UNKNOWN, PART_TEXT_BLANK, PART_TEXT_SOME };

struct part {
	struct input *input;	    /* that the content lies in; borrowed */
	char *type;		    /* "text/plain", lower case */
	bool is_typed;		    /* by its own header, not by default */
	struct parameters *content; /* of Content-Type */
	struct parameters
	    *disposition; /* of Content-Disposition; its value "" where there is none */
	enum transfer transfer;
	char *content_id; /* without brackets; NULL where there is none */
	char *name;	  /* UTF-8, from a container; NULL: the parameters say */
	bool is_message; /* another message, from a container: not to be opened as a part of this */
	bool is_forwarded; /* its children are another message, and what is in that */
	bool is_spare;	   /* HTML of a text that the message has: a body where there is no other */
	bool is_multipart; /* then it has children, or none at all, and no content of its own */
	bool is_body;	   /* the message's text or HTML holds it, or it is blank: no attachment */
	enum part_text text; /* see part_has_text() */
	uint64_t start;	     /* of its header block in the input; 0 where it has none of its own */
	uint64_t begin;	     /* of the content in the input */
	uint64_t end;
	GPtrArray *children; /* of struct part */
};

struct part_tree {
	struct part *root;
	bool capped;
	struct input *input;   /* of the message; learns of failures in the others */
	GPtrArray *inputs;     /* of struct input: decoded multiparts, in the output's file */
	const char *signature; /* "not verified", "broken"; NULL: nothing in it is signed */
	const struct part *encrypted; /* what nobody here can read; NULL: nothing */
	const char *encryption;	      /* "S/MIME", "PGP/MIME" */
};

/* Makes GMime ready, once per process. */
void part_tree_open(void);

/*
 * Reads the structure of the message whose header block is `top`. Never NULL. A multipart that is
 * encoded as a whole is decoded into the output.
 */
struct part_tree *part_tree_read(struct input *input, const struct header *top,
				 const struct mime_options *options, struct mime_output *output,
				 struct defects *defects);
void part_tree_free(struct part_tree *tree);

/* A part for content in [begin, end) that nothing is known of but its type. */
struct part *part_new(struct input *input, const char *type, uint64_t begin, uint64_t end);

/* A part as its header block and this Content-Type (may be NULL) describe it, still empty. */
struct part *part_from_header(struct input *input, const struct header *header,
			      const struct field *type, struct defects *defects);
void part_free(struct part *part);

/* The part becomes a multipart/mixed that is still empty; returns what it was, the caller's. */
struct part *part_enclose(struct part *part);

/* A multipart nobody can take apart is text: its reader sees it as its sender wrote it. */
void part_take_as_text(struct part *part);

bool part_is(const struct part *part, const char *type);

/* Does its header say that it is a multipart? */
bool part_is_multipart_type(const struct part *part);

/* Has the part a file name? */
bool part_is_named(const struct part *part);

/*
 * Has the part anything but blanks, once decoded, HTML as text? Only the first PART_TEXT_BYTES are
 * looked at, and a longer part has some. The answer is kept in the part, because it is asked before
 * it is decided what the part is good for, and again then.
 */
enum { PART_TEXT_BYTES = 65536 };
bool part_has_text(struct part *part);

/* HTML that has text or a picture. */
bool part_shows(struct part *part);

#endif
