/*
 * tnef.h - what a winmail.dat holds (MS-OXTNEF): the text of a message and its files.
 *
 * Life:      tnef_read() .. tnef_free().
 * Ownership: contents stay in the input, as ranges of it.
 * Caps:      TNEF_ATTRIBUTES_MAX attributes, TNEF_PROPERTIES_MAX properties, as many files as the
 *            caller says; beyond one of them, and where the stream breaks off, it is `damaged`, and
 *            what came before counts.
 * Source:    MS-OXTNEF, MS-OXCDATA (2.11), MS-OXPROPS.
 */
#ifndef MIME_TNEF_H
#define MIME_TNEF_H

#include "mime/input.h"

#include <glib.h>

enum { TNEF_ATTRIBUTES_MAX = 10000, TNEF_PROPERTIES_MAX = 200000 };

/* A value: [begin, end) of the input, with the charset that it is in where it is text. */
struct tnef_value {
	bool present;
	uint64_t begin;
	uint64_t end;
	bool is_unicode; /* UTF-16LE; else in the code page of the stream */
};

struct tnef_file {
	struct tnef_value name; /* the best of several */
	unsigned name_rank;
	struct tnef_value type; /* "image/png" */
	struct tnef_value content_id;
	struct tnef_value data;
	bool is_message; /* data is another such stream */
};

struct tnef {
	unsigned code_page; /* 0: not said */
	unsigned html_code_page;
	struct tnef_value text;
	struct tnef_value html;
	struct tnef_value rtf; /* compressed: rtf_compressed_read() */
	GArray *files;	       /* of struct tnef_file */
	bool damaged;
};

/* NULL when the input does not begin as such a stream does. */
struct tnef *tnef_read(struct input *input, size_t max_files);
void tnef_free(struct tnef *tnef);

/* --- property lists ---------------------------------------------------------- */
/*
 * A list of MAPI properties as TNEF writes it (MS-OXTNEF, 2.1.3.4).
 */

enum mapi_type {
	MAPI_LONG = 0x0003,
	MAPI_OBJECT = 0x000d,
	MAPI_STRING = 0x001e,
	MAPI_UNICODE = 0x001f,
	MAPI_BINARY = 0x0102
};

struct mapi_property {
	uint16_t type;	/* without the flag for many values */
	uint16_t id;	/* 0x8000 and above: a name says what it is */
	uint64_t begin; /* of its first value, without its length */
	uint64_t end;
};

struct mapi_reader {
	struct input *input;
	uint64_t at;
	uint64_t end;
	uint64_t left; /* properties still to come, as the list says */
	bool damaged;  /* it says more than is there, or what cannot be read */
};

/* Begins the list at [begin, end) of the input. */
struct mapi_reader mapi_begin(struct input *input, uint64_t begin, uint64_t end);

/* The next property; false at the end. */
bool mapi_next(struct mapi_reader *reader, struct mapi_property *ret_property);

/* The number of a property of a fixed size; 0 when it has none. */
uint32_t mapi_number(struct input *input, const struct mapi_property *property);

#endif
