/* Goes through the lines for the first one that begins the quoted mail, and keeps what stands
 * above it, or between its lines. A body is read from its file as far as its first 256 KiB: a quote
 * that begins behind them is not looked for. */
#include "mime/reply.h"

#include "mime/reply_words.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* An attribution is wrapped over at most so many lines. */
#define ATTRIBUTION_LINES 4
#define ATTRIBUTION_BYTES ((size_t)600)
/* Lines of a header block that are looked at. */
#define BLOCK_LINES 8
/* A quoted line that is shorter has not been wrapped. */
#define WRAPPED_BYTES ((size_t)60)

enum line_kind { LINE_OTHER, LINE_QUOTE, LINE_FORWARD };

/* ---- what a folded line is ---- */

static bool is_empty(const char *line)
{
	return *line == '\0';
}

static bool is_quoted(const char *line)
{
	return *line == '>' || g_str_has_prefix(line, "&gt;");
}

/* "-----Original Message-----", "---------- Forwarded message ---------": words between dashes. */
static bool is_ruled(const char *line)
{
	return strspn(line, "-_*") >= 2 && strlen(line) < 200;
}

static bool is_marker(const struct lines *lines, const char *line)
{
	return lines->has_hint && holds_any(line, marker_hints, G_N_ELEMENTS(marker_hints)) &&
	       holds_any(line, markers, G_N_ELEMENTS(markers));
}

static bool holds_date(const char *text)
{
	return text[strcspn(text, "0123456789")] != '\0';
}

/* ---- attributions ---- */

/* "On …", "Am …", "3. März …": how an attribution begins with its date. */
static bool begins_date(const char *line)
{
	static const char *const starts[] = {
	    "on ",     "am ",	    "le ",   "el ",   "il ",	    "em ",   "op ",
	    "den ",    "w dniu ",   "dnia ", "dne ",  "dňa ",	    "on: ",  "в ",
	    "στις ",   "tarihinde", "在",    "at ",   "il giorno ", "a(z) ", "la ",
	    "no dia ", "a ",	    "на ",   "pada ", "vào ",	    "às ",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		if (g_str_has_prefix(line, starts[i]))
			return true;
	}
	return g_ascii_isdigit(*line);
}

/* An attribution that takes several lines begins with its date or with a name; the last line of the
 * answer must not be taken for its beginning. */
static bool begins_attribution(const char *line)
{
	return begins_date(line) || (strchr(line, '@') != NULL && strchr(line, '<') != NULL);
}

/* A line that is a sentence of its own does not go on as an attribution; one that ends with the
 * time, "at 9:30 a.m.", may. */
static bool ends_sentence(const char *line, const char *next)
{
	if (strchr(".!?", line[strlen(line) - 1]) == NULL)
		return false;
	return !g_str_has_suffix(line, "m.") || next == NULL || begins_date(next);
}

/* "on tue, 3 mar 2026 at 09:30, ann lee <ann@example.com> wrote:" and its translations, wrapped
 * over `count` lines. */
static bool is_attribution(const struct lines *lines, size_t index, size_t count)
{
	g_autoptr(GString) joined = g_string_new(line_at(lines, index));
	for (size_t i = 1; i < count; i++)
		g_string_append_printf(joined, " %s", line_at(lines, index + i));
	if (joined->len > ATTRIBUTION_BYTES)
		return false;
	/* Gmail in Russian and some other languages has no verb: date, name and <address>: */
	if (g_str_has_suffix(joined->str, ">:") && holds_date(joined->str))
		return true;
	return (strchr(joined->str, '@') != NULL || holds_date(joined->str)) &&
	       holds_any(joined->str, verbs, G_N_ELEMENTS(verbs));
}

/* Most lines are none, and no line behind them ends as an attribution does. */
static bool may_be_attribution(const struct lines *lines, size_t index)
{
	for (size_t i = 0; i < ATTRIBUTION_LINES; i++) {
		if (line_ends_with_colon(lines, index + i))
			return true;
	}
	return false;
}

/* How many lines from here on are an attribution; 0 = none. */
static size_t count_attribution(const struct lines *lines, size_t index)
{
	if (!may_be_attribution(lines, index))
		return 0;
	for (size_t i = 0; i < ATTRIBUTION_LINES; i++) {
		const char *line = line_at(lines, index + i);
		if (line == NULL || is_empty(line) || is_quoted(line))
			return 0;
		if (line_ends_with_colon(lines, index + i) && is_attribution(lines, index, i + 1))
			return i + 1;
		if (ends_sentence(line, line_at(lines, index + i + 1)))
			return 0;
	}
	return 0;
}

static bool is_attribution_at(const struct lines *lines, size_t index)
{
	const size_t count = count_attribution(lines, index);
	return count == 1 || (count > 1 && begins_attribution(line_at(lines, index)));
}

/* ---- blocks of header lines ---- */

enum header_kind { HEADER_NONE, HEADER_FROM, HEADER_OTHER };

/* "*from:* ann lee" names "from"; NULL where the line is no header line. Caller frees. */
static char *header_name(const char *line)
{
	const char *start = line + strspn(line, "*_ ");
	const char *ascii = strchr(start, ':');
	const char *wide = strstr(start, "：");
	const char *end = ascii != NULL && (wide == NULL || ascii < wide) ? ascii : wide;
	if (end == NULL || end - start > 40)
		return NULL;
	char *name = g_strndup(start, (gsize)(end - start));
	return g_strstrip(g_strdelimit(name, "*_", ' '));
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static enum header_kind header_kind_of(const char *line)
{
	g_autofree char *name = header_name(line);
	if (name == NULL)
		return HEADER_NONE;
	if (is_among(name, from_names, G_N_ELEMENTS(from_names)))
		return HEADER_FROM;
	return is_among(name, other_names, G_N_ELEMENTS(other_names)) ? HEADER_OTHER : HEADER_NONE;
}

/* From: and at least two of the others that follow it. Or in another order, "Sent:" first: then
 * From: has an address, and no empty line stands between them. */
static bool is_header_block(const struct lines *lines, size_t index)
{
	const enum header_kind first = header_kind_of(line_at(lines, index));
	bool from = first == HEADER_FROM;
	size_t others = first == HEADER_OTHER ? 1 : 0;
	const char *line;
	for (size_t i = 1;
	     first != HEADER_NONE && i < BLOCK_LINES && (line = line_at(lines, index + i)) != NULL;
	     i++) {
		if (first == HEADER_OTHER && is_empty(line))
			break;
		const enum header_kind kind = header_kind_of(line);
		others += kind == HEADER_OTHER ? 1 : 0;
		from = from || (kind == HEADER_FROM && strchr(line, '@') != NULL);
	}
	return from && others >= 2;
}

/* ---- the answer ---- */

static enum line_kind classify(const struct lines *lines, size_t index)
{
	const char *line = line_at(lines, index);
	if ((is_ruled(line) || line_ends_with_colon(lines, index)) &&
	    holds_any(line, forwards, G_N_ELEMENTS(forwards)))
		return LINE_FORWARD;
	if (is_quoted(line) || is_marker(lines, line))
		return LINE_QUOTE;
	if (is_ruled(line) && holds_any(line, separators, G_N_ELEMENTS(separators)))
		return LINE_QUOTE;
	return is_attribution_at(lines, index) || is_header_block(lines, index) ? LINE_QUOTE
										: LINE_OTHER;
}

/* Outlook draws a line above its header block; it belongs to that. */
static bool is_rule(const char *line)
{
	const size_t size = strlen(line);
	return size >= 5 && (strspn(line, "_ ") == size || strspn(line, "- ") == size);
}

/* The lines that are kept, without empty ones around them; where lines were dropped, no more than
 * one empty line stands. */
static char *join_kept(const struct lines *lines, const bool *kept)
{
	GString *answer = g_string_new(NULL);
	size_t blanks = 0;
	bool dropped = false;

	for (size_t i = 0; i < lines->count; i++) {
		dropped = dropped || !kept[i];
		if (!kept[i] || is_empty(line_at(lines, i))) {
			blanks += kept[i] ? 1 : 0;
			continue;
		}
		for (size_t n = dropped ? MIN(blanks, 1) : blanks; n > 0 && answer->len > 0; n--)
			g_string_append_c(answer, '\n');
		if (answer->len > 0)
			g_string_append_c(answer, '\n');
		g_string_append(answer, line_text_at(lines, i));
		blanks = 0;
		dropped = false;
	}
	return g_string_free(answer, FALSE);
}

/* ---- answers between and below the quoted lines ---- */

/* How many lines the attribution at `index` takes; 0 = none begins there. */
static size_t attribution_length(const struct lines *lines, size_t index)
{
	return is_attribution_at(lines, index) ? count_attribution(lines, index) : 0;
}

/* Where the first line that begins with ">" stands, when no more than an attribution comes before
 * it; otherwise the quote has no marks, and nobody can say where it ends. */
static size_t find_marks(const struct lines *lines, size_t index)
{
	index += attribution_length(lines, index);
	while (index < lines->count && is_empty(line_at(lines, index)))
		index++;
	return index < lines->count && is_quoted(line_at(lines, index)) ? index : lines->count;
}

/* What a program cut off the quoted line above, which was too long: it goes on in mid-sentence. */
static bool is_cut_off(const struct lines *lines, size_t index)
{
	const char *above = line_at(lines, index - 1);
	const char *text = line_text_at(lines, index);
	const size_t length = strlen(above);

	return length >= WRAPPED_BYTES && strchr(".!?:;", above[length - 1]) == NULL &&
	       g_unichar_islower(g_utf8_get_char(text + strspn(text, " \t")));
}

/* A signature, or what a mailing list adds: nothing below it is an answer. */
static bool is_footer(const char *line)
{
	const size_t size = strlen(line);

	return size >= 2 && strspn(line, "-_=*") == size;
}

/*
 * Marks what the writer wrote from the first quoted line on. Returns true when that is an answer,
 * not just a signature.
 */
static bool keep_answers(const struct lines *lines, size_t index, bool *kept)
{
	bool answers = false;
	bool in_quote = true;
	bool in_footer = false;

	while (index < lines->count) {
		const char *line = line_at(lines, index);
		const size_t attribution = is_empty(line) ? 0 : attribution_length(lines, index);
		if (is_quoted(line) || (in_quote && is_cut_off(lines, index))) {
			in_quote = true;
			index++;
			continue;
		}
		if (attribution > 0 && find_marks(lines, index) < lines->count) {
			index += attribution;
			continue;
		}
		if (!is_empty(line) && classify(lines, index) != LINE_OTHER)
			break;
		in_quote = false;
		in_footer = in_footer || is_footer(line);
		answers = answers || (!in_footer && !is_empty(line));
		kept[index++] = true;
	}
	return answers;
}

static char *find_reply_at(const struct lines *lines, size_t index)
{
	const size_t marks = find_marks(lines, index);
	g_autofree bool *kept = g_new0(bool, lines->count + 1);
	const bool answers = marks < lines->count && keep_answers(lines, marks, kept);

	if (!answers)
		memset(kept, 0, lines->count);
	while (!answers && index > 0 &&
	       (is_empty(line_at(lines, index - 1)) || is_rule(line_at(lines, index - 1))))
		index--;
	memset(kept, true, index);
	return join_kept(lines, kept);
}

static char *find_reply(const struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (is_empty(line_at(lines, i)))
			continue;
		const enum line_kind kind = classify(lines, i);
		if (kind == LINE_QUOTE)
			return find_reply_at(lines, i);
		if (kind == LINE_FORWARD)
			break;
	}
	return g_strdup("");
}

char *reply_plain(const char *text, size_t length)
{
	struct lines lines = lines_split(text, length, marker_hints, G_N_ELEMENTS(marker_hints));
	char *reply = find_reply(&lines);
	lines_clear(&lines);
	return reply;
}

/* ---- the reply in a body ---- */

/* Answers are short; a body that is longer than this is a report or a list, and is read no
 * further. */
enum { REPLY_BYTES = 256 * 1024 };

/* Without the line at the end that goes on. */
static size_t whole_lines(const char *start, size_t length, bool goes_on)
{
	const char *end = goes_on ? memrchr(start, '\n', length) : start + length;

	return end ? (size_t)(end - start) : 0;
}

/* A body that cannot be read back has failed the output, which its owner learns by flushing it. */
char *reply_body(const struct mime_content *body, struct mime_output *output)
{
	if (!body->present)
		return g_strdup("");
	size_t length = (size_t)MIN(body->size, (uint64_t)REPLY_BYTES);
	g_autofree char *start = g_malloc(length + 1);
	size_t done = 0;

	/* Some of it may lie in the file, the rest in memory. */
	for (size_t got = 1; got > 0 && done < length; done += got)
		got = output_read(output, body->offset + done, start + done, length - done);
	return reply_plain(start, whole_lines(start, done, done < body->size));
}

/* For entries that were stored before replies were looked for. A file that is shorter than it
 * should be is an error, because the reply would be cut. */
int mime_reply(int input_fd, uint64_t offset, uint64_t size, char **ret_reply)
{
	size_t length = (size_t)MIN(size, (uint64_t)REPLY_BYTES);
	g_autofree char *start = g_malloc(length + 1);

	for (size_t done = 0; done < length;) {
		ssize_t got = pread(input_fd, start + done, length - done, (off_t)(offset + done));
		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	length = whole_lines(start, length, length < size);
	*ret_reply = g_utf8_validate(start, (gssize)length, NULL) ? reply_plain(start, length)
								  : g_strdup("");
	return 0;
}
