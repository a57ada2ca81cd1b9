/* Steps from property to property; values stay where they are. */
#include "mime/tnef.h"

#include "mime/input.h"

enum { MANY = 0x1000, NAMED = 0x8000, GUID_BYTES = 16, KIND_STRING = 1 };

/* Once something is cut off, all that follows is 0, so that one look at `damaged` is enough. */
static uint64_t take_number(struct mapi_reader *reader, size_t length)
{
	unsigned char bytes[8];

	if (reader->damaged || reader->end - reader->at < length ||
	    !input_bytes(reader->input, reader->at, bytes, length)) {
		reader->damaged = true;
		return 0;
	}
	reader->at += length;
	return little_endian(bytes, length);
}

static void skip(struct mapi_reader *reader, uint64_t length)
{
	if (reader->damaged || reader->end - reader->at < length)
		reader->damaged = true;
	else
		reader->at += length;
}

/* Each value begins at a multiple of four bytes. */
static uint64_t padded(uint64_t length)
{
	return (length + 3) / 4 * 4;
}

/* The last value of a list may lack its padding. */
static void skip_padded(struct mapi_reader *reader, uint64_t length)
{
	uint64_t there = reader->end - reader->at;

	skip(reader, length <= there && there < padded(length) ? there : padded(length));
}

/* Bytes of a value of a fixed size; 0 for the others, which say it. */
static uint64_t size_of(uint16_t type)
{
	switch (type) {
	case 0x0002: /* 16 bits, padded */
	case MAPI_LONG:
	case 0x0004: /* float */
	case 0x000a: /* error */
	case 0x000b: /* boolean, padded */
		return 4;
	case 0x0005: /* double */
	case 0x0006: /* currency */
	case 0x0007: /* time of an application */
	case 0x0014: /* 64 bits */
	case 0x0040: /* time */
		return 8;
	case 0x0048: /* GUID */
		return 16;
	default:
		return 0;
	}
}

static bool is_sized(uint16_t type)
{
	return type == MAPI_OBJECT || type == MAPI_STRING || type == MAPI_UNICODE ||
	       type == MAPI_BINARY;
}

/* Nothing here goes by names, but they stand between the id and the value. */
static void skip_name(struct mapi_reader *reader)
{
	skip(reader, GUID_BYTES);
	if (take_number(reader, 4) == KIND_STRING)
		skip_padded(reader, take_number(reader, 4));
	else
		skip(reader, 4);
}

static void value_take(struct mapi_reader *reader, uint16_t type, struct mapi_property *property)
{
	uint64_t length = is_sized(type) ? take_number(reader, 4) : size_of(type);

	property->begin = reader->at;
	property->end = reader->at + length;
	skip_padded(reader, length);
}

struct mapi_reader mapi_begin(struct input *input, uint64_t begin, uint64_t end)
{
	struct mapi_reader reader = {.input = input, .at = begin, .end = end};

	reader.left = take_number(&reader, 4);
	return reader;
}

bool mapi_next(struct mapi_reader *reader, struct mapi_property *ret_property)
{
	struct mapi_property other;

	if (reader->damaged || reader->left == 0)
		return false;
	reader->left--;
	uint16_t type = (uint16_t)take_number(reader, 2);
	ret_property->type = type & ~MANY & 0xffff;
	ret_property->id = (uint16_t)take_number(reader, 2);
	if (ret_property->id >= NAMED)
		skip_name(reader);
	if (!is_sized(ret_property->type) && size_of(ret_property->type) == 0)
		reader->damaged = true;
	/* What says its size says how many values there are, too. */
	uint64_t count = type & MANY || is_sized(ret_property->type) ? take_number(reader, 4) : 1;
	*ret_property = (struct mapi_property){.type = ret_property->type,
					       .id = ret_property->id,
					       .begin = reader->at,
					       .end = reader->at};
	/* The first one is the value; the others have to be passed over. */
	for (uint64_t i = 0; i < count && !reader->damaged; i++)
		value_take(reader, ret_property->type, i == 0 ? ret_property : &other);
	return !reader->damaged;
}

uint32_t mapi_number(struct input *input, const struct mapi_property *property)
{
	unsigned char bytes[4];

	if (property->end - property->begin != sizeof(bytes) ||
	    !input_bytes(input, property->begin, bytes, sizeof(bytes)))
		return 0;
	return (uint32_t)little_endian(bytes, sizeof(bytes));
}
