/* LZFu: eight tokens behind each control byte, a byte of text or a reference into the last 4 kB. */
#include "mime/rtf.h"

#include "mime/input.h"

#include <glib.h>
#include <string.h>

enum {
	HEADER_BYTES = 16,
	DICTIONARY = 4096,
	REFERENCE_MIN = 2,
	COMPRESSED = 0x75465a4c,  /* "LZFu" */
	UNCOMPRESSED = 0x414c454d /* "MELA" */
};

/* The dictionary begins with what most documents begin with (MS-OXRTFCP, 2.1.2.1). */
static const char prefill[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

struct reader {
	struct input *input;
	uint64_t at;
	uint64_t end;
	struct sink *sink;
	uint64_t left; /* bytes that may still come out */
	size_t write;  /* in the dictionary */
	unsigned char dictionary[DICTIONARY];
};

static bool take(struct reader *reader, unsigned char *ret_byte)
{
	if (reader->at >= reader->end || !input_bytes(reader->input, reader->at, ret_byte, 1))
		return false;
	reader->at++;
	return true;
}

/* A few bytes may refer to each other for ever: what comes out is bounded, whatever goes in. */
static bool put(struct reader *reader, unsigned char byte)
{
	if (reader->left == 0)
		return false;
	reader->left--;
	reader->dictionary[reader->write] = byte;
	reader->write = (reader->write + 1) % DICTIONARY;
	sink_write(reader->sink, &byte, 1);
	return true;
}

/* False at the end: *ret_whole tells whether that was meant. */
static bool refer(struct reader *reader, bool *ret_whole)
{
	unsigned char high;
	unsigned char low;

	if (!take(reader, &high) || !take(reader, &low))
		return false;
	size_t from = (size_t)high << 4 | low >> 4;
	size_t length = (low & 15U) + REFERENCE_MIN;
	if (from == reader->write) {
		*ret_whole = true;
		return false;
	}
	for (; length > 0; length--, from = (from + 1) % DICTIONARY)
		if (!put(reader, reader->dictionary[from]))
			return false;
	return true;
}

/* Only a reference to the place that is written next says that the end was meant. */
static bool expand(struct reader *reader)
{
	unsigned char control;
	unsigned char byte;
	bool whole = false;

	reader->write = strlen(prefill);
	memcpy(reader->dictionary, prefill, strlen(prefill));
	while (take(reader, &control)) {
		for (unsigned bit = 0; bit < 8; bit++) {
			if ((control & 1U << bit) != 0) {
				if (!refer(reader, &whole))
					return whole;
			} else if (!take(reader, &byte) || !put(reader, byte)) {
				return false;
			}
		}
	}
	return false;
}

/* The sizes in its header are the sender's word, and bound nothing by themselves. Its checksum
 * is not looked at: a text with an error is better than none. */
bool rtf_compressed_read(struct input *input, uint64_t begin, uint64_t end, struct sink *sink,
			 uint64_t *bytes_left)
{
	unsigned char header[HEADER_BYTES];

	if (end - begin < HEADER_BYTES || !input_bytes(input, begin, header, sizeof(header)))
		return false;
	uint64_t raw_size = little_endian(header + 4, 4);
	struct reader *reader = g_new0(struct reader, 1);
	*reader = (struct reader){.input = input,
				  .at = begin + HEADER_BYTES,
				  .end = MIN(end, begin + 4 + little_endian(header, 4)),
				  .sink = sink,
				  .left = MIN(raw_size, *bytes_left)};
	uint64_t allowed = reader->left;
	bool whole = false;
	switch (little_endian(header + 8, 4)) {
	case COMPRESSED:
		whole = expand(reader);
		break;
	case UNCOMPRESSED:
		whole = reader->end - reader->at >= raw_size && raw_size == reader->left;
		input_copy(input, reader->at, MIN(reader->end, reader->at + reader->left), sink);
		reader->left = 0;
		break;
	default:
		break;
	}
	*bytes_left -= allowed - reader->left;
	g_free(reader);
	return whole;
}
