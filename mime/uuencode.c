#include "mime/uuencode.h"

#include <glib.h>
#include <string.h>

static unsigned value_at(const struct line *line, size_t i)
{
	return i < line->length ? (line->text[i] - 32U) & 63U : 0;
}

/* A line's first character says how many bytes it holds, 45 at most. */
static void decode_line(const struct line *line, struct sink *sink)
{
	size_t count = value_at(line, 0);
	unsigned char out[66];
	size_t length = 0;

	for (size_t i = 1; length < count && i < line->length; i += 4) {
		unsigned a = value_at(line, i);
		unsigned b = value_at(line, i + 1);
		unsigned c = value_at(line, i + 2);
		unsigned d = value_at(line, i + 3);
		out[length++] = (unsigned char)(a << 2 | b >> 4);
		out[length++] = (unsigned char)(b << 4 | c >> 2);
		out[length++] = (unsigned char)(c << 6 | d);
	}
	sink_write(sink, out, MIN(length, count));
}

static bool line_starts(const struct line *line, const char *word)
{
	return line->length >= strlen(word) && memcmp(line->text, word, strlen(word)) == 0;
}

bool uuencode_decode(struct input *input, uint64_t begin, uint64_t end, struct sink *sink)
{
	struct line line;
	bool started = false;

	for (uint64_t at = begin; at < end && input_line(input, at, &line); at = line.next) {
		if (!started)
			started = line_starts(&line, "begin ");
		else if (line.length == 3 && line_starts(&line, "end"))
			return true;
		else
			decode_line(&line, sink);
	}
	if (!started)
		input_copy(input, begin, end, sink);
	return false;
}
