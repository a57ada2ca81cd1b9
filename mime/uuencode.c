/* GMime decodes; here are found the lines that it is given, and made as long as they say. */
#include "mime/transfer.h"

#include <glib.h>
#include <gmime/gmime.h>
#include <string.h>

/* A full line holds 45 bytes, whatever program has written it. */
enum { LINE_BYTES = 45, LINE_CHARS = LINE_BYTES / 3 * 4, FULL_LINES = 3, MODE_MAX = 4 };

static bool line_starts(const struct line *line, const char *word)
{
	return line->length >= strlen(word) &&
	       g_ascii_strncasecmp((const char *)line->text, word, strlen(word)) == 0;
}

/* A word, and blanks behind it. */
static bool line_is(const struct line *line, const char *word)
{
	size_t length = line->length;

	while (length > 0 && line->text[length - 1] == ' ')
		length--;
	return length == strlen(word) && line_starts(line, word);
}

static bool is_end(const struct line *line)
{
	return line_is(line, "end");
}

/* How many bytes a line says it holds. */
static size_t count_of(const struct line *line)
{
	return line->length > 0 ? (line->text[0] - 32U) & 63U : 0;
}

/* Four characters for three bytes, and for what is left of three. */
static size_t chars_of(size_t count)
{
	return (count + 2) / 3 * 4;
}

/* Blanks at its end may have gone; one character behind is a sum of it. */
static bool is_data(const struct line *line)
{
	size_t count = count_of(line);

	if (count == 0 || count > LINE_BYTES || line->length > 2 + chars_of(count))
		return false;
	for (size_t i = 0; i < line->length; i++)
		if (line->text[i] < ' ' || line->text[i] > '`')
			return false;
	return true;
}

/* Prose never looks like this: an M, and 60 characters without a small letter. */
static bool is_full(const struct line *line)
{
	return line->length >= 1 + LINE_CHARS && count_of(line) == LINE_BYTES && is_data(line);
}

/* The last line of data is an empty one. */
static bool is_last(const struct line *line)
{
	return line->length == 0 || (count_of(line) == 0 && line->length <= 2);
}

/* "begin 644 name": mode and name. */
static bool is_begin(const struct line *line, const char *word, char **ret_name)
{
	size_t at = strlen(word);
	size_t mode = at;

	if (!line_starts(line, word))
		return false;
	while (mode < line->length && g_ascii_isdigit(line->text[mode]))
		mode++;
	if (mode == at || mode - at > MODE_MAX || mode + 1 >= line->length ||
	    line->text[mode] != ' ')
		return false;
	*ret_name = g_strndup((const char *)line->text + mode + 1, line->length - mode - 1);
	return true;
}

/* What is left of such a line: its last word may be the name. */
static bool is_damaged_begin(const struct line *line, char **ret_name)
{
	const char *text = (const char *)line->text;
	size_t at = line->length;

	if (!line_starts(line, "beg"))
		return false;
	while (at > 0 && text[at - 1] != ' ')
		at--;
	if (memchr(text + at, '.', line->length - at))
		*ret_name = g_strndup(text + at, line->length - at);
	return true;
}

/* A line between full ones is of the file, whatever it is. */
static bool is_full_at(struct input *input, uint64_t offset, uint64_t end)
{
	struct line line;

	return offset < end && input_line(input, offset, &line) && is_full(&line);
}

/* Reads the data that begins at `offset`, and the "end" line. */
static void find_end(struct input *input, uint64_t offset, uint64_t end, struct uuencoded *file)
{
	struct line line;

	file->end = offset;
	for (; offset < end && input_line(input, offset, &line); offset = line.next) {
		if (is_end(&line)) {
			file->end = MIN(line.next, end);
			return;
		}
		bool is_of_file = is_data(&line) || is_last(&line);
		uint64_t next = line.next;
		/* An empty line may be the text's. */
		bool has_data = is_data(&line) || (line.length > 0 && line.text[0] == '`');
		if (!is_of_file && !is_full_at(input, next, end))
			break;
		line.next = next;
		file->damaged |= !is_of_file;
		if (has_data || !is_of_file)
			file->end = MIN(line.next, end);
	}
	file->damaged = true;
}

/* Do so many lines of data stand at `offset`, full ones if asked for? */
static bool data_stands(struct input *input, uint64_t offset, uint64_t end, unsigned lines,
			bool full)
{
	struct line line;

	for (; lines > 0; lines--, offset = line.next)
		if (offset >= end || !input_line(input, offset, &line) ||
		    !(full ? is_full(&line) : is_data(&line)))
			return false;
	return true;
}

/* Blanks mean nothing in it. */
static bool is_base64(const struct line *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (!g_ascii_isalnum(line->text[i]) && !strchr("+/= \t", line->text[i]))
			return false;
	return true;
}

/* "begin-base64 644 name", base64, "====". */
static bool base64_starts_at(struct input *input, uint64_t offset, const struct line *begin,
			     uint64_t end, struct uuencoded *file)
{
	struct line line;
	uint64_t data = begin->next;

	if (!is_begin(begin, "begin-base64 ", &file->name))
		return false;
	for (uint64_t at = data; at < end && input_line(input, at, &line); at = line.next) {
		if (!line_is(&line, "====") && is_base64(&line))
			continue;
		file->begin = offset;
		file->data = data;
		file->data_end = at;
		file->is_base64 = true;
		file->damaged = !line_is(&line, "====");
		file->end = file->damaged ? at : MIN(line.next, end);
		return at > data;
	}
	return false;
}

/* A "begin" is believed where a line of data follows, one that is damaged where three full ones do,
 * and three full lines are a file without any "begin". */
static bool starts_at(struct input *input, uint64_t offset, const struct line *line, uint64_t end,
		      struct uuencoded *file)
{
	uint64_t next = line->next;
	bool full = is_full(line);
	bool begins = is_begin(line, "begin ", &file->name);
	bool damaged = !begins && is_damaged_begin(line, &file->name);

	*file = (struct uuencoded){.begin = offset,
				   .data = damaged ? next : offset,
				   .name = file->name,
				   .damaged = !begins};
	bool begin_is_followed = begins
				     ? data_stands(input, next, end, 1, false)
				     : damaged && data_stands(input, next, end, FULL_LINES, true);
	if (begin_is_followed)
		find_end(input, next, end, file);
	else if (full && data_stands(input, offset, end, FULL_LINES, true))
		find_end(input, offset, end, file);
	file->data_end = file->end;
	return file->end > file->begin;
}

bool uuencode_find(struct input *input, uint64_t begin, uint64_t end, struct uuencoded *ret_file)
{
	struct line line;

	for (uint64_t at = begin; at < end && input_line(input, at, &line); at = line.next) {
		/* Others need no look behind them. */
		if (!is_full(&line) && !line_starts(&line, "beg"))
			continue;
		*ret_file = (struct uuencoded){0};
		uint64_t next = line.next;
		if (base64_starts_at(input, at, &line, end, ret_file))
			return true;
		g_clear_pointer(&ret_file->name, g_free);
		if (!input_line(input, at, &line))
			return false;
		if (starts_at(input, at, &line, end, ret_file))
			return true;
		g_free(ret_file->name);
		line.next = next;
	}
	return false;
}

/* A line's first character says how many bytes it holds, 45 at most. */
static void decode_line(GMimeEncoding *decoder, const struct line *line, struct sink *sink)
{
	char in[1 + LINE_CHARS + 1];
	char out[sizeof(in) + 3];
	size_t count = MIN(count_of(line), LINE_BYTES);
	size_t chars = chars_of(count);

	if (count == 0)
		return;
	memset(in, ' ', sizeof(in));
	memcpy(in, line->text, MIN(line->length, 1 + chars));
	in[0] = (char)(' ' + count);
	in[1 + chars] = '\n';
	g_mime_encoding_reset(decoder);
	sink_write(sink, out, g_mime_encoding_step(decoder, in, chars + 2, out));
}

/* A content that has no line of data is handed on as it is. */
bool uuencode_decode(struct input *input, uint64_t begin, uint64_t end, struct sink *sink)
{
	GMimeEncoding decoder;
	struct line line;
	bool started = false;

	g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_UUENCODE);
	for (uint64_t at = begin; at < end && input_line(input, at, &line); at = line.next) {
		bool starts = !started && line_starts(&line, "begin ");
		if (started && is_end(&line))
			return true;
		started = started || starts || (at == begin && is_full(&line));
		if (started && !starts)
			decode_line(&decoder, &line, sink);
	}
	if (!started)
		input_copy(input, begin, end, sink);
	return false;
}
