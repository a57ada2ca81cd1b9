/*
 * mapi.h - a list of MAPI properties as TNEF writes it (MS-OXTNEF, 2.1.3.4).
 */
#ifndef MIME_MAPI_H
#define MIME_MAPI_H

#include "mime/input.h"

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
