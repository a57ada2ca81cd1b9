/* Goes through the attributes of the stream, and through the MAPI properties that two of them hold. */
#include "mime/tnef.h"

#include "mime/input.h"

/* [MS-OXTNEF]: the signature of the stream; a key of two bytes behind it means nothing. */
static const uint32_t signature = 0x223e9f78;

enum { START_BYTES = 6, ATTRIBUTE_BYTES = 9, CHECKSUM_BYTES = 2, OBJECT_ID_BYTES = 16 };

/* Attributes, by the lower half of their number. */
enum attribute {
	BODY = 0x800c,
	FILE_DATA = 0x800f,
	FILE_TITLE = 0x8010,
	FILE_BEGIN = 0x9002,
	MESSAGE_PROPERTIES = 0x9003,
	FILE_PROPERTIES = 0x9005,
	CODE_PAGE = 0x9007
};

/* MAPI properties. */
enum property {
	TEXT = 0x1000,
	REPORT_TEXT = 0x1001,
	RTF = 0x1009,
	HTML = 0x1013,
	DISPLAY_NAME = 0x3001,
	DATA = 0x3701,
	SHORT_NAME = 0x3704,
	METHOD = 0x3705,
	LONG_NAME = 0x3707,
	MIME_TYPE = 0x370e,
	CONTENT_ID = 0x3712,
	HTML_CODE_PAGE = 0x3fde,
	METHOD_MESSAGE = 5
};

/* Names of one file, the best last: the title is what a file system of old could hold. */
enum name_rank { RANK_DISPLAYED = 1, RANK_SHORT, RANK_TITLE, RANK_LONG };

struct reader {
	struct input *input;
	struct tnef *tnef;
	size_t max_files;
	size_t properties; /* seen so far */
	bool passes;	   /* the file at hand is one too many */
};

/* NULL before the first file, and for one too many: what is said of that is passed over. */
static struct tnef_file *last_file(struct reader *reader)
{
	GArray *files = reader->tnef->files;

	return files->len > 0 && !reader->passes
		   ? &g_array_index(files, struct tnef_file, files->len - 1)
		   : NULL;
}

/* The attributes that follow are this file's. */
static void file_begin(struct reader *reader)
{
	struct tnef_file file = {0};

	reader->passes = reader->tnef->files->len >= reader->max_files;
	if (reader->passes)
		reader->tnef->damaged = true;
	else
		g_array_append_val(reader->tnef->files, file);
}

/* Texts have a zero at their end, which is none of theirs. */
static struct tnef_value text_of(struct input *input, uint64_t begin, uint64_t end, bool is_unicode)
{
	unsigned char last[2];
	size_t width = is_unicode ? 2 : 1;

	while (end - begin >= width && input_bytes(input, end - width, last, width) &&
	       little_endian(last, width) == 0)
		end -= width;
	return (struct tnef_value){end > begin, begin, end, is_unicode};
}

/* HTML comes as text or as bytes. */
static struct tnef_value text_property(const struct reader *reader,
				       const struct mapi_property *property)
{
	if (property->type != MAPI_STRING && property->type != MAPI_UNICODE &&
	    property->type != MAPI_BINARY)
		return (struct tnef_value){0};
	return text_of(reader->input, property->begin, property->end,
		       property->type == MAPI_UNICODE);
}

/* The value of an object begins with the id of its interface, which is no part of the file. */
static void data_take(const struct mapi_property *property, struct tnef_file *file)
{
	uint64_t begin = property->begin;

	if (property->type == MAPI_OBJECT && property->end - begin >= OBJECT_ID_BYTES)
		begin += OBJECT_ID_BYTES;
	file->data = (struct tnef_value){true, begin, property->end, false};
}

static void message_property(struct reader *reader, const struct mapi_property *property)
{
	struct tnef *tnef = reader->tnef;

	switch (property->id) {
	case TEXT:
		tnef->text = text_property(reader, property);
		break;
	/* A delivery report has no other text. */
	case REPORT_TEXT:
		if (!tnef->text.present)
			tnef->text = text_property(reader, property);
		break;
	case HTML:
		tnef->html = text_property(reader, property);
		break;
	case RTF:
		tnef->rtf = (struct tnef_value){true, property->begin, property->end, false};
		break;
	case HTML_CODE_PAGE:
		tnef->html_code_page = mapi_number(reader->input, property);
		break;
	default:
		break;
	}
}

/* The names of a file come in any order. */
static void name_take(struct tnef_file *file, struct tnef_value name, enum name_rank rank)
{
	if (!name.present || (unsigned)rank < file->name_rank)
		return;
	file->name = name;
	file->name_rank = rank;
}

static void file_property(struct reader *reader, const struct mapi_property *property,
			  struct tnef_file *file)
{
	switch (property->id) {
	case LONG_NAME:
		name_take(file, text_property(reader, property), RANK_LONG);
		break;
	case SHORT_NAME:
		name_take(file, text_property(reader, property), RANK_SHORT);
		break;
	case DISPLAY_NAME:
		name_take(file, text_property(reader, property), RANK_DISPLAYED);
		break;
	case MIME_TYPE:
		file->type = text_property(reader, property);
		break;
	case CONTENT_ID:
		file->content_id = text_property(reader, property);
		break;
	case METHOD:
		file->is_message = mapi_number(reader->input, property) == METHOD_MESSAGE;
		break;
	case DATA:
		data_take(property, file);
		break;
	default:
		break;
	}
}

/* Counted over all lists of the stream, so that many short ones are no way around the limit. */
static void properties_read(struct reader *reader, uint64_t begin, uint64_t end,
			    struct tnef_file *file)
{
	struct mapi_reader list = mapi_begin(reader->input, begin, end);
	struct mapi_property property;

	while (mapi_next(&list, &property)) {
		if (++reader->properties > TNEF_PROPERTIES_MAX) {
			list.damaged = true;
			break;
		}
		if (file)
			file_property(reader, &property, file);
		else
			message_property(reader, &property);
	}
	reader->tnef->damaged |= list.damaged;
}

/* All texts that are no Unicode are in this code page. */
static void code_page_read(struct reader *reader, uint64_t begin, uint64_t end)
{
	unsigned char bytes[4];

	if (end - begin >= sizeof(bytes) && input_bytes(reader->input, begin, bytes, sizeof(bytes)))
		reader->tnef->code_page = (unsigned)little_endian(bytes, sizeof(bytes));
}

/* BODY is the text for older programs: the MAPI property counts where both are there. */
static void attribute_read(struct reader *reader, unsigned id, uint64_t begin, uint64_t end)
{
	struct tnef_file *file = last_file(reader);

	if (id == FILE_BEGIN)
		file_begin(reader);
	else if (id == CODE_PAGE)
		code_page_read(reader, begin, end);
	else if (id == MESSAGE_PROPERTIES)
		properties_read(reader, begin, end, NULL);
	else if (id == BODY && !reader->tnef->text.present)
		reader->tnef->text = text_of(reader->input, begin, end, false);
	else if (id == FILE_PROPERTIES && file)
		properties_read(reader, begin, end, file);
	else if (id == FILE_TITLE && file)
		name_take(file, text_of(reader->input, begin, end, false), RANK_TITLE);
	else if (id == FILE_DATA && file && end > begin)
		file->data = (struct tnef_value){true, begin, end, false};
}

/* A wrong sum is told as damage, and the value is used all the same. */
static bool checksum_is(struct input *input, uint64_t begin, uint64_t end, unsigned expected)
{
	unsigned sum = 0;

	while (begin < end) {
		size_t length;
		const unsigned char *bytes = input_at(input, begin, &length);
		length = (size_t)MIN((uint64_t)length, end - begin);
		if (length == 0)
			return false;
		for (size_t i = 0; i < length; i++)
			sum += bytes[i];
		begin += length;
	}
	return (sum & 0xffffU) == expected;
}

/* Returns where the next attribute begins, 0 when this one is cut off. */
static uint64_t attribute_at(struct reader *reader, uint64_t at)
{
	unsigned char head[ATTRIBUTE_BYTES];
	unsigned char sum[CHECKSUM_BYTES];

	if (!input_bytes(reader->input, at, head, sizeof(head)))
		return 0;
	uint64_t begin = at + sizeof(head);
	uint64_t end = begin + little_endian(head + 5, 4);
	/* The stream was cut off here. */
	if (end > reader->input->size)
		return 0;
	attribute_read(reader, (unsigned)little_endian(head + 1, 2), begin, end);
	if (!input_bytes(reader->input, end, sum, sizeof(sum)) ||
	    !checksum_is(reader->input, begin, end, (unsigned)little_endian(sum, sizeof(sum))))
		reader->tnef->damaged = true;
	return end + sizeof(sum);
}

struct tnef *tnef_read(struct input *input, size_t max_files)
{
	unsigned char start[START_BYTES];

	if (!input_bytes(input, 0, start, sizeof(start)) || little_endian(start, 4) != signature)
		return NULL;
	struct tnef *tnef = g_new0(struct tnef, 1);
	struct reader reader = {.input = input, .tnef = tnef, .max_files = max_files};
	uint64_t at = sizeof(start);
	tnef->files = g_array_new(FALSE, TRUE, sizeof(struct tnef_file));
	/* Attributes may be empty: their number has a limit, too. */
	for (unsigned i = 0; at != 0 && at < input->size && i < TNEF_ATTRIBUTES_MAX; i++)
		at = attribute_at(&reader, at);
	if (at < input->size)
		tnef->damaged = true;
	return tnef;
}

void tnef_free(struct tnef *tnef)
{
	if (!tnef)
		return;
	g_array_unref(tnef->files);
	g_free(tnef);
}
